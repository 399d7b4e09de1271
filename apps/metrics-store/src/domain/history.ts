import type { HostMetric } from '@lapwing/contracts';

/** Where a metric is kept, and what one unit of the column is in the metric's own unit. */
export interface MetricColumn {
  column: string;
  unit: number;
}

/** The columns of the metrics that have a history. */
export const metricColumns: Record<HostMetric, MetricColumn> = {
  cpu: { column: 'cpu', unit: 0.01 },
  memory: { column: 'memory', unit: 0.01 },
  disk: { column: 'disk', unit: 0.01 },
  temperature: { column: 'temperature', unit: 0.01 },
  load1: { column: 'load1', unit: 0.01 },
  memoryUsed: { column: 'memory_used', unit: 1 },
  swapUsed: { column: 'swap_used', unit: 1 },
  diskReadRate: { column: 'disk_read_rate', unit: 1 },
  diskWriteRate: { column: 'disk_write_rate', unit: 1 },
  networkRxRate: { column: 'network_rx_rate', unit: 1 },
  networkTxRate: { column: 'network_tx_rate', unit: 1 },
  processes: { column: 'processes', unit: 1 },
  connections: { column: 'connections', unit: 1 },
};

/** A grain in which series are kept. */
export interface Level {
  /** What is put behind the table's name; empty for the samples themselves. */
  suffix: '' | '_1m' | '_5m' | '_1h';
  /** Seconds a bucket; 0 for the samples. */
  width: number;
}

const levels: Level[] = [
  { suffix: '_1h', width: 3600 },
  { suffix: '_5m', width: 300 },
  { suffix: '_1m', width: 60 },
];
const samples: Level = { suffix: '', width: 0 };

/** The coarsest grain that can serve steps of so many seconds exactly: its buckets fit into a step without a rest. */
export function levelFor(stepSeconds: number): Level {
  return levels.find((level) => stepSeconds > 0 && stepSeconds % level.width === 0) ?? samples;
}

/** How many points a question may yield at most: steps between two instants (ms), or samples at one a second. */
export function pointsOf(fromMs: number, toMs: number, stepSeconds: number): number {
  return Math.ceil((toMs - fromMs) / 1000 / Math.max(stepSeconds, 1));
}

/** A value in the metric's unit without the noise of binary fractions; null stays null, and what is not finite becomes null. */
export function inUnit(value: number | null, unit: number): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return unit === 1 ? Math.round(value) : Math.round(value * unit * 100) / 100;
}
