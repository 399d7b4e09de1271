import type { Metric as AnyMetric, MetricValue } from 'prom-client';
import { registry } from './metrics.js';

/** A page of metrics, and what it is. */
export interface Exposition {
  type: string;
  text: string;
}

type Value = MetricValue<string> & {
  metricName?: string;
  exemplar?: { labelSet: Record<string, string>; value: number; timestamp: number } | null;
};
type Metric = { name: string; help: string; type: string; values: Value[] };

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const WANTS_OPEN_METRICS = /application\/openmetrics-text(?![^,]*;\s*q=0(\.0*)?\s*(;|,|$))\s*(;|,|$)/i;

/**
 * All metrics of this process, as whoever asks wants them: OpenMetrics, with exemplars, where his `Accept` names it, else Prometheus' plain text.
 * OpenMetrics is written here because prom-client makes it a state of the registry and takes the `_total` off the names of
 * counters for good, so that two scrapers would spoil each other's.
 * Source: OpenMetrics 1.0, sections 4 and 5.
 */
export async function exposeMetrics(accept: string | undefined): Promise<Exposition> {
  if (!WANTS_OPEN_METRICS.test(accept ?? '')) return { type: registry.contentType, text: await registry.metrics() };
  // The types of prom-client say that these are descriptions; they are the metrics themselves.
  const known = registry.getMetricsAsArray() as unknown as AnyMetric[];
  const metrics = await Promise.all(known.map((metric) => metric.get() as Promise<unknown> as Promise<Metric>));
  const text = metrics.map((metric) => family(metric)).join('');
  return { type: OPEN_METRICS, text: `${text}# EOF\n` };
}

function family(metric: Metric): string {
  const isCounter = metric.type === 'counter';
  const name = isCounter ? metric.name.replace(/_total$/, '') : metric.name;
  const head = `# HELP ${name} ${escaped(metric.help)}\n# TYPE ${name} ${metric.type}\n`;
  return head + metric.values.map((value) => line(value, isCounter ? `${name}_total` : name)).join('');
}

function line({ metricName, labels, value, exemplar }: Value, name: string): string {
  const known = exemplar ? ` # {${written(exemplar.labelSet)}} ${exemplar.value} ${exemplar.timestamp}` : '';
  const pairs = written(labels as Record<string, string | number>);
  return `${metricName ?? name}${pairs && `{${pairs}}`} ${figure(value)}${known}\n`;
}

const written = (labels: Record<string, string | number>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(String(value)).replaceAll('"', '\\"')}"`)
    .join(',');

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const figure = (value: number): string => {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
};
