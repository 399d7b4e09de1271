import type { ChartMetric } from '@lapwing/contracts';
import type { Series } from '../../services/charts.service.js';
import { isoSeconds } from '../../http/query.js';

const MINUTE = 60;
const HOUR = 3600;

/** The ranges of charts: how far back, and the step between points, in seconds. */
export const ranges = {
  '5m': { span: 5 * MINUTE, step: 10 },
  '15m': { span: 15 * MINUTE, step: 15 },
  '30m': { span: 30 * MINUTE, step: 30 },
  '1h': { span: HOUR, step: 60 },
  '4h': { span: 4 * HOUR, step: 120 },
  '12h': { span: 12 * HOUR, step: 600 },
  '24h': { span: 24 * HOUR, step: 900 },
  '7d': { span: 168 * HOUR, step: 7200 },
} as const;
/** The name of a range. */
export type Range = keyof typeof ranges;

const STORAGE_STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600];

/** The step for so many minutes that gives about a hundred points; storages are read once a minute. */
export function stepFor(minutes: number): number {
  return STORAGE_STEPS.find((step) => (minutes * MINUTE) / step <= 120) ?? 21_600;
}

/** Metrics by the names that Pulse's clients know. */
export const guestMetrics = {
  cpu: 'cpu',
  memory: 'memory',
  disk: 'disk',
  diskread: 'diskRead',
  diskwrite: 'diskWrite',
  netin: 'networkIn',
  netout: 'networkOut',
} as const satisfies Record<string, ChartMetric>;
export const nodeMetrics = { cpu: 'cpu', memory: 'memory', disk: 'disk' } as const satisfies Record<
  string,
  ChartMetric
>;
export const storageMetrics = { disk: 'disk' } as const satisfies Record<string, ChartMetric>;

type Point = { timestamp: number; value: number };

/** The points of a series under Pulse's names; where there are none, one with the value of now. */
export function chartView<N extends string>(
  series: Series | undefined,
  metrics: Record<N, ChartMetric>,
  now: { time: number; values: Partial<Record<ChartMetric, number>> },
): Record<N, Point[]> {
  const entries = Object.entries<ChartMetric>(metrics).map(([name, metric]) => {
    const points = pointsOf(series, metric);
    const value = now.values[metric];
    return [name, points.length > 0 || value === undefined ? points : [{ timestamp: now.time, value }]];
  });
  return Object.fromEntries(entries) as Record<N, Point[]>;
}

function pointsOf(series: Series | undefined, metric: ChartMetric): Point[] {
  const values = series?.values[metric] ?? [];
  return (series?.times ?? []).flatMap((timestamp, index) => {
    const value = values[index];
    return value === null || value === undefined ? [] : [{ timestamp, value }];
  });
}

/** A storage's series as `/api/storage-charts` shows them: times as text. */
export function storageChartView(series: Series | undefined) {
  const list = (metric: ChartMetric) =>
    pointsOf(series, metric).map(({ timestamp, value }) => ({ value, timestamp: isoSeconds(timestamp) }));
  const total = series?.values.total ?? [];
  const used = series?.values.diskUsed ?? [];
  const avail = (series?.times ?? []).flatMap((time, index) => {
    const [all, taken] = [total[index], used[index]];
    return all == null || taken == null ? [] : [{ value: all - taken, timestamp: isoSeconds(time) }];
  });
  return { usage: list('disk'), used: list('diskUsed'), total: list('total'), avail };
}
