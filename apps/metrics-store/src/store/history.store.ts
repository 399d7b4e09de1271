import type { HostMetric, InputOf, OutputOf, gpuHistoryGet, historyGet } from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import { inUnit, levelFor, metricColumns } from '../domain/history.js';

type History = OutputOf<typeof historyGet>;
type Question = Pick<InputOf<typeof historyGet>, 'metrics' | 'from' | 'to' | 'step'>;
type Row = { at: number } & Record<string, number | null>;

/** The expressions of one metric: mean, least and greatest, out of samples or out of a roll-up. */
function aggregates(metric: HostMetric, rolledUp: boolean): string {
  const { column } = metricColumns[metric];
  if (!rolledUp)
    return `avg(${column})::float8 AS ${column}_a, min(${column})::float8 AS ${column}_l, max(${column})::float8 AS ${column}_g`;
  const weight = `sum(samples) FILTER (WHERE ${column}_avg IS NOT NULL)`;
  return `(sum(${column}_avg::float8 * samples) / ${weight})::float8 AS ${column}_a, min(${column}_min)::float8 AS ${column}_l, max(${column}_max)::float8 AS ${column}_g`;
}

/** Reads history out of the coarsest roll-up that serves the step, or out of the samples themselves. */
export class HistoryStore {
  constructor(private readonly postgres: Postgres) {}

  /** History of hosts by their numbers; see `historyGet`. */
  async read(hostIds: number[], { metrics, from, to, step }: Question): Promise<History> {
    const level = levelFor(step);
    const time = level.width > 0 ? 'bucket' : 'time';
    const at = step > 0 ? `date_bin($4::interval, ${time}, timestamptz '1970-01-01 00:00:00+00')` : time;
    const { rows } = await this.postgres.query<Row>(
      `history.select${level.suffix}`,
      `SELECT ${at} AS at, ${metrics.map((metric) => aggregates(metric, level.width > 0)).join(', ')}
       FROM metrics.host_sample${level.suffix}
       WHERE resource_id = ANY ($1::integer[]) AND ${time} >= $2 AND ${time} < $3 ${step > 0 ? '' : 'AND $4::interval IS NULL'}
       GROUP BY 1 ORDER BY 1`,
      [hostIds, new Date(from), new Date(to), step > 0 ? `${step} seconds` : null],
    );
    const columns: History['columns'] = {};
    for (const metric of metrics) {
      const { column, unit } = metricColumns[metric];
      const pick = (part: string) => rows.map((row) => inUnit(row[`${column}_${part}`] ?? null, unit));
      columns[metric] = { avg: pick('a'), min: pick('l'), max: pick('g') };
    }
    return { times: rows.map((row) => row.at), columns };
  }

  /** The newest readings of the first card of a host, oldest first; see `gpuHistoryGet`. */
  async readGpu({ agentId, since, limit }: InputOf<typeof gpuHistoryGet>): Promise<OutputOf<typeof gpuHistoryGet>> {
    const { rows } = await this.postgres.query<OutputOf<typeof gpuHistoryGet>['samples'][number]>(
      'history.gpu',
      `SELECT s.time, substring(card.name FROM ' (.*)') AS name, s.utilization / 100.0 AS utilization,
         s.memory_used AS "memoryUsed", s.memory_total AS "memoryTotal",
         s.temperature / 100.0 AS temperature, s.power / 100.0 AS "powerWatts"
       FROM (SELECT id, name FROM metrics.resource WHERE kind = 'gpu' AND ($1::text IS NULL OR agent_id = $1)
             ORDER BY agent_id, split_part(name, ' ', 1)::integer LIMIT 1) AS card
       JOIN metrics.gpu_sample s ON s.resource_id = card.id
       WHERE $2::timestamptz IS NULL OR s.time >= $2
       ORDER BY s.time DESC LIMIT $3`,
      [agentId, since === null ? null : new Date(since), limit],
    );
    return { samples: rows.toReversed() };
  }
}
