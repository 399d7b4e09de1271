import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type OpenMetricsContentType } from 'prom-client';
import { sampledIds, type Span } from './tracing.js';

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

/** A gauge, made at the first call and shared by later ones; `collect` sets it each time that somebody asks for it. */
export function gauge<T extends string>(options: Named<T> & { collect?: (this: Gauge<T>) => void }): Gauge<T> {
  const known = registry.getSingleMetric(options.name);
  return known instanceof Gauge ? known : new Gauge({ ...options, registers: [registry] });
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A histogram in seconds, made at the first call and shared by later ones. */
export function histogram<T extends string>(options: Named<T>): Histogram<T> {
  const known = registry.getSingleMetric(options.name);
  return known instanceof Histogram ? known : new Histogram({ ...options, buckets: BUCKETS, registers: [registry] });
}

/** A histogram in seconds whose buckets name a trace that fell into them. */
export interface TracedHistogram<T extends string> {
  /**
   * Counts a duration.
   * @param span whose it was; the current one where it is left out.
   */
  observe(labels: Partial<Record<T, string>>, seconds: number, span?: Span): void;
}

/** A histogram in seconds that keeps the newest sampled trace of each bucket as its exemplar. */
export function tracedHistogram<T extends string>(options: Named<T>): TracedHistogram<T> {
  const known = registry.getSingleMetric(options.name);
  const made = known instanceof Histogram ? (known as Histogram<T>) : withExemplars(options);
  return {
    observe(labels, seconds, span) {
      const exemplarLabels = sampledIds(span);
      // The types of prom-client want an exemplar's labels to be those of the metric; they are others on purpose.
      const exemplar = exemplarLabels && { exemplarLabels: exemplarLabels as Partial<Record<string, string>> };
      made.observe({ labels, value: seconds, ...(exemplar as { exemplarLabels?: Partial<Record<T, string>> }) });
    },
  };
}

/** prom-client wants a registry that writes OpenMetrics for this; ours is read by what writes both, see exposition.ts. */
function withExemplars<T extends string>(options: Named<T>): Histogram<T> {
  const own = new Registry<OpenMetricsContentType>();
  own.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const made = new Histogram<T>({ ...options, buckets: BUCKETS, enableExemplars: true, registers: [own] });
  registry.registerMetric(made);
  return made;
}

/** Tells which version of a service this process runs. */
export function tellBuild(service: string, version: string): void {
  const info = gauge<'service' | 'version' | 'node'>({
    name: 'lapwing_build_info',
    help: 'Always 1: which version of the service runs, on which Node',
    labelNames: ['service', 'version', 'node'],
  });
  info.set({ service, version, node: process.version }, 1);
}
