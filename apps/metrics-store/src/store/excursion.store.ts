import { excursionMetrics } from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import { hundredthsOf, type Bucket, type Stretch, type Wanted } from '../domain/excursions.js';
import { metricColumns } from '../domain/history.js';

const HOUR_MS = 3_600_000;
const numbers = new Map(excursionMetrics.map((metric, number) => [metric, number]));
const columns = excursionMetrics.map((metric) => metricColumns[metric].column);
const each = (text: (column: string, number: number) => string, between: string): string =>
  columns.map(text).join(between);
/** What a column holds, to those who know only the number of its metric. */
const pick = (end: 'min' | 'max'): string =>
  `CASE w.metric ${each((column, number) => `WHEN ${number} THEN s.${column}_${end}`, ' ')} END`;

/** Hours in which a figure is in breach for a moment, or not fine for a moment. A threshold that is null is never reached. */
const HOURS = `SELECT s.resource_id AS id, (date_part('epoch', s.bucket) / 3600)::integer AS hour,
    ${each((column) => `s.${column}_min, s.${column}_max`, ', ')}
  FROM unnest($1::integer[], ${each((_, n) => `$${2 * n + 2}::integer[], $${2 * n + 3}::integer[]`, ', ')})
    AS w (id, ${each((_, n) => `hot${n}, above${n}`, ', ')})
  JOIN metrics.host_sample_1h s ON s.resource_id = w.id
  WHERE s.resource_id = ANY ($1::integer[]) AND s.bucket >= $10 AND s.bucket < $11
    AND (${each((column, n) => `s.${column}_max >= w.hot${n} OR s.${column}_min >= w.above${n}`, ' OR ')})
  ORDER BY s.resource_id, s.bucket`;

const bucketsOf = (suffix: '_1m' | '_5m'): string =>
  `SELECT b.at, b.low, b.high
   FROM unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS w (resource_id, metric, starts, ends, n)
   CROSS JOIN LATERAL (
     SELECT coalesce(json_agg(x.at), '[]') AS at, coalesce(json_agg(x.low), '[]') AS low, coalesce(json_agg(x.high), '[]') AS high
     FROM (SELECT (date_part('epoch', s.bucket) / 60)::integer AS at, ${pick('min')} AS low, ${pick('max')} AS high
           FROM metrics.host_sample${suffix} s WHERE s.resource_id = w.resource_id AND s.bucket >= w.starts AND s.bucket < w.ends
           ORDER BY s.bucket) AS x
     WHERE x.low IS NOT NULL) AS b
   ORDER BY w.n`;

const NEXT = `SELECT (SELECT min(s.bucket) FROM metrics.host_sample_1h s
    WHERE s.resource_id = w.resource_id AND s.bucket >= w.starts AND s.bucket < $4 AND ${pick('min')} IS NOT NULL) AS at
  FROM unnest($1::integer[], $2::integer[], $3::timestamptz[]) WITH ORDINALITY AS w (resource_id, metric, starts, n) ORDER BY w.n`;

/** What is to be read bucket by bucket. */
export interface Range extends Stretch {
  wanted: Wanted;
}

interface Columns {
  low: number[];
  high: number[];
}

/** Reads the buckets of roll-ups in which figures are in breach. */
export class ExcursionStore {
  constructor(private readonly postgres: Postgres) {}

  /** The next hosts of a part from an id on, by id, and how many the part has in all. */
  async hosts(
    agentIds: string[] | null,
    part: { number: number; of: number },
    from: string,
    limit: number,
  ): Promise<{ hosts: { agentId: string; resourceId: number }[]; total: number }> {
    const { rows } = await this.postgres.query<{ agentId: string; resourceId: number; total: number }>(
      'excursions.hosts',
      `SELECT * FROM (
         SELECT agent_id COLLATE "C" AS "agentId", id AS "resourceId", count(*) OVER () AS total FROM metrics.resource
         WHERE kind = 'host' AND ($1::text[] IS NULL OR agent_id = ANY ($1)) AND id % $4 = $5) AS h
       WHERE "agentId" >= $2 ORDER BY "agentId" LIMIT $3`,
      [agentIds, from, limit, part.of, part.number],
    );
    return { hosts: rows, total: rows[0]?.total ?? 0 };
  }

  /** The hours of each figure that could begin a breach or carry one on, in order. */
  async hours(wanted: readonly Wanted[], { from, to }: Stretch): Promise<Bucket[][]> {
    const ids = [...new Set(wanted.map(({ resourceId }) => resourceId))];
    const places = new Map(wanted.map((one, index) => [placeOf(one.resourceId, one.metric), index]));
    const bounds = wanted.map(({ limit }) => hundredthsOf(limit));
    const thresholds = excursionMetrics.flatMap((metric) => {
      const own = ids.map((id) => bounds[places.get(placeOf(id, metric)) ?? -1]);
      return [own.map((one) => one?.hot ?? null), own.map((one) => one?.above ?? null)];
    });
    const { rows } = await this.postgres.query<Record<string, number | null>>('excursions.hours', HOURS, [
      ids,
      ...thresholds,
      new Date(Math.floor(from / HOUR_MS) * HOUR_MS),
      new Date(to),
    ]);
    const hours: Bucket[][] = wanted.map(() => []);
    for (const row of rows)
      excursionMetrics.forEach((metric, number) => {
        const place = places.get(placeOf(row['id'] ?? 0, metric)) ?? -1;
        const [low, high] = [row[`${columns[number]}_min`] ?? null, row[`${columns[number]}_max`] ?? null];
        const bound = bounds[place];
        if (bound && low !== null && high !== null && (high >= bound.hot || low >= bound.above))
          hours[place]?.push({ at: (row['hour'] ?? 0) * HOUR_MS, low, high });
      });
    return hours;
  }

  /** The first hour since an instant, and before `to`, that has a figure; null where there is none. */
  async nextHours(after: readonly { wanted: Wanted; since: number }[], to: number): Promise<(number | null)[]> {
    if (after.length === 0) return [];
    const { rows } = await this.postgres.query<{ at: number | null }>('excursions.next', NEXT, [
      after.map(({ wanted }) => wanted.resourceId),
      after.map(({ wanted }) => numbers.get(wanted.metric)),
      after.map(({ since }) => new Date(since)),
      new Date(to),
    ]);
    return rows.map(({ at }) => at);
  }

  /** The buckets of ranges, in order. */
  async buckets(ranges: readonly Range[], step: 60 | 300): Promise<Bucket[][]> {
    if (ranges.length === 0) return [];
    const { rows } = await this.postgres.query<{ at: number[] } & Columns>(
      `excursions.buckets_${step}`,
      bucketsOf(step === 60 ? '_1m' : '_5m'),
      [
        ranges.map(({ wanted }) => wanted.resourceId),
        ranges.map(({ wanted }) => numbers.get(wanted.metric)),
        ranges.map(({ from }) => new Date(from)),
        ranges.map(({ to }) => new Date(to)),
      ],
    );
    return rows.map(({ at, ...own }) => toBuckets(at, own));
  }
}

const placeOf = (resourceId: number, metric: string): string => `${resourceId} ${metric}`;

function toBuckets(at: readonly number[], { low, high }: Columns): Bucket[] {
  return at.map((time, index) => ({ at: time * 60_000, low: low[index] ?? 0, high: high[index] ?? 0 }));
}
