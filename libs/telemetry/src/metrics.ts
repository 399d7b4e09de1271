import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** The metrics of this process, as `/metrics` shows them. One registry, also when several services share the process. */
export const registry = new Registry();

let withProcessMetrics = false;

/** Adds the figures of the process itself (CPU, memory, event loop, garbage collection). Harmless to call again. */
export function collectProcessMetrics(): void {
  if (withProcessMetrics) return;
  withProcessMetrics = true;
  collectDefaultMetrics({ register: registry, prefix: 'lapwing_' });
}

type Named<T extends string> = { name: string; help: string; labelNames?: T[] };

/** A counter, made at the first call and shared by later ones. Name it `lapwing_<noun>_<unit>_total`. */
export function counter<T extends string>(options: Named<T>): Counter<T> {
  const known = registry.getSingleMetric(options.name);
  return known instanceof Counter ? known : new Counter({ ...options, registers: [registry] });
}

/** A gauge, made at the first call and shared by later ones. */
export function gauge<T extends string>(options: Named<T>): Gauge<T> {
  const known = registry.getSingleMetric(options.name);
  return known instanceof Gauge ? known : new Gauge({ ...options, registers: [registry] });
}

/** A histogram in seconds, made at the first call and shared by later ones. */
export function histogram<T extends string>(options: Named<T>): Histogram<T> {
  const known = registry.getSingleMetric(options.name);
  const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
  return known instanceof Histogram ? known : new Histogram({ ...options, buckets, registers: [registry] });
}
