import type { ChartMetric, InputOf, OutputOf, PolledKind, chartsGet } from '@lapwing/contracts';
import type { Postgres, Transaction } from '@lapwing/postgres';
import { inUnit, levelFor } from '../domain/history.js';
import { chartColumn, polledTables } from '../domain/polled.js';
import { insertRows, noteLate } from './rows.js';

type Series = OutputOf<typeof chartsGet>['series'];
type Row = { name: string; at: number } & Record<string, number | string | null>;

/** Writes and reads what pollers read. */
export class PolledStore {
  constructor(private readonly postgres: Postgres) {}

  /** Writes rows (resource, time, values), each once, and marks the late ones for the roll-ups. */
  async insert(transaction: Transaction, rows: Record<PolledKind, (number | null)[][]>, now: number): Promise<void> {
    for (const kind of ['node', 'guest', 'storage'] as const) {
      await insertRows(transaction, polledTables[kind], rows[kind]);
      await noteLate(transaction, polledTables[kind].name, rows[kind], now);
    }
  }

  /** Means over steps, out of the coarsest grain that serves them; see `chartsGet`. */
  async charts({ targetId, kind, names, metrics, from, to, step }: InputOf<typeof chartsGet>): Promise<Series> {
    const level = levelFor(step);
    const time = level.width > 0 ? 'bucket' : 'time';
    const wanted = metrics.flatMap((metric) => {
      const found = chartColumn(kind, metric);
      return found ? [{ metric, ...found }] : [];
    });
    if (wanted.length === 0) return [];
    const { rows } = await this.postgres.query<Row>(
      `charts.select${level.suffix}`,
      `SELECT r.name, date_bin($6::interval, s.${time}, timestamptz '1970-01-01 00:00:00+00') AS at,
         ${wanted.map(({ column }) => mean(column, level.width > 0)).join(', ')}
       FROM metrics.resource r JOIN ${polledTables[kind].name}${level.suffix} s ON s.resource_id = r.id
       WHERE r.kind = $1 AND r.agent_id = $2 AND r.name = ANY ($3::text[]) AND s.${time} >= $4 AND s.${time} < $5
       GROUP BY 1, 2 ORDER BY 1, 2`,
      [kind, targetId, names, new Date(from), new Date(to), `${step} seconds`],
    );
    return seriesOf(rows, wanted);
  }
}

function mean(column: string, rolledUp: boolean): string {
  if (!rolledUp) return `avg(s.${column})::float8 AS ${column}`;
  const weight = `sum(s.samples) FILTER (WHERE s.${column}_avg IS NOT NULL)`;
  return `(sum(s.${column}_avg::float8 * s.samples) / ${weight})::float8 AS ${column}`;
}

function seriesOf(rows: Row[], wanted: { metric: ChartMetric; column: string; unit: number }[]): Series {
  const series = new Map<string, Series[number]>();
  for (const row of rows) {
    const one = series.get(row.name) ?? { name: row.name, times: [], values: {} };
    series.set(row.name, one);
    one.times.push(row.at);
    for (const { metric, column, unit } of wanted)
      (one.values[metric] ??= []).push(inUnit(row[column] as number | null, unit));
  }
  return [...series.values()];
}
