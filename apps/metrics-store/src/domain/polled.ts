import type { ChartMetric, PolledFigures, PolledKind } from '@lapwing/contracts';
import type { Table } from '@lapwing/postgres';

/** A figure of a polled resource, the column that keeps it, and whether that holds hundredths. */
interface Column {
  column: string;
  hundredths: boolean;
}

const percent = (column: string): Column => ({ column, hundredths: true });
const amount = (column: string): Column => ({ column, hundredths: false });

type Figure = Exclude<keyof PolledFigures, 'name'>;

const columns: Record<Figure, Column> = {
  cpu: percent('cpu'),
  memory: percent('memory'),
  memoryUsed: amount('memory_used'),
  disk: percent('disk'),
  diskUsed: amount('disk_used'),
  total: amount('total'),
  diskRead: amount('disk_read'),
  diskWrite: amount('disk_write'),
  networkIn: amount('network_in'),
  networkOut: amount('network_out'),
};

/** The figures that are kept of each kind, in the order of the table's columns. */
const figures: Record<PolledKind, Figure[]> = {
  node: ['cpu', 'memory', 'memoryUsed', 'disk', 'diskUsed', 'total'],
  guest: ['cpu', 'memory', 'memoryUsed', 'disk', 'diskUsed', 'diskRead', 'diskWrite', 'networkIn', 'networkOut'],
  storage: ['disk', 'diskUsed', 'total'],
};

function tableOf(kind: PolledKind): Table {
  const own = figures[kind].map((name) => [columns[name].column, columns[name].hundredths ? 'int2' : 'int8'] as const);
  return {
    name: `metrics.${kind}_sample`,
    columns: { resource_id: 'int4', time: 'timestamptz', ...Object.fromEntries(own) },
  };
}

/** The tables of what pollers read: columns in order, with the type of each. */
export const polledTables: Record<PolledKind, Table> = {
  node: tableOf('node'),
  guest: tableOf('guest'),
  storage: tableOf('storage'),
};

/** The values of a row after resource and time, in the order of the table's columns; null for what is not known. */
export function polledValues(kind: PolledKind, row: PolledFigures): (number | null)[] {
  return figures[kind].map((name) => {
    const value = row[name];
    if (value === undefined) return null;
    return columns[name].hundredths ? value * 100 : value;
  });
}

/** The column of a chart's metric, and what one unit of it is in the metric's own; undefined where the kind has no such metric. */
export function chartColumn(kind: PolledKind, metric: ChartMetric): { column: string; unit: number } | undefined {
  if (!figures[kind].includes(metric)) return undefined;
  const { column, hundredths } = columns[metric];
  return { column, unit: hundredths ? 0.01 : 1 };
}
