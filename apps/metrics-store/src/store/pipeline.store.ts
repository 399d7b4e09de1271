import type { Distribution, PipelineMeasure } from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import type { MergedValues } from '../domain/pipeline.js';

/** What one process measured of one measure in one minute. */
export interface MeasuredRow extends Distribution {
  process: string;
  measure: PipelineMeasure;
  /** Milliseconds since 1970. */
  time: number;
  count: number;
}

/** Hours that are summed up at once. */
const MAX_HOURS = 64;

const hourOf = (time: string): string => `date_bin('1 hour', ${time}, timestamptz '2000-01-01 00:00:00+00')`;

/** Writes and reads what is measured of the pipeline. */
export class PipelineStore {
  constructor(private readonly postgres: Postgres) {}

  /** Writes minutes as they stand, of which no two may be the same; one that is known with as much, or more, stays. */
  async write(rows: readonly MeasuredRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.postgres.query(
      'pipeline.write',
      `WITH x AS (
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(process text, measure text, time float8, count bigint, sum float8, min float8, max float8,
           values float8[], counts int[])
       ), known AS (
         INSERT INTO metrics.pipeline_measure AS m (process, measure, seen_at)
         SELECT process, measure, to_timestamp(max(time) / 1000) FROM x GROUP BY process, measure ORDER BY process, measure
         ON CONFLICT (process, measure) DO UPDATE SET seen_at = greatest(m.seen_at, excluded.seen_at)
         RETURNING id, process, measure
       )
       INSERT INTO metrics.pipeline_sample AS s (resource_id, time, count, sum, least, greatest, figures, counts)
       SELECT known.id, to_timestamp(x.time / 1000), x.count, x.sum, x.min, x.max, x.values, x.counts
       FROM x JOIN known USING (process, measure) ORDER BY 1, 2
       ON CONFLICT (resource_id, time) DO UPDATE SET count = excluded.count, sum = excluded.sum, least = excluded.least,
         greatest = excluded.greatest, figures = excluded.figures, counts = excluded.counts
       WHERE s.count < excluded.count`,
      [JSON.stringify(rows)],
    );
  }

  /** All that was measured since the minute in which an instant lies, by measure, of all processes together. */
  async since(from: Date): Promise<Map<PipelineMeasure, MergedValues>> {
    const { rows } = await this.postgres.query<MergedValues & { measure: PipelineMeasure }>(
      'pipeline.since',
      // Values come out of hours that are summed up where all of their minutes count, and out of minutes elsewhere.
      `WITH minute AS MATERIALIZED (
         SELECT m.measure, ${hourOf('s.time')} AS hour, s.resource_id, s.time, s.count, s.sum, s.least, s.greatest
         FROM metrics.pipeline_sample s JOIN metrics.pipeline_measure m ON m.id = s.resource_id WHERE s.time >= date_trunc('minute', $1::timestamptz)
       ), hour AS (
         SELECT measure, hour, h.figures, h.counts, h.count IS NOT DISTINCT FROM t.count AS whole
         FROM (SELECT measure, hour, sum(count)::bigint AS count FROM minute GROUP BY measure, hour) t
         LEFT JOIN metrics.pipeline_hour h USING (measure, hour)
       ), value AS (
         SELECT measure, e.value, e.count FROM hour, unnest(figures, counts) AS e(value, count) WHERE whole
         UNION ALL
         SELECT measure, e.value, e.count FROM hour JOIN minute USING (measure, hour)
           JOIN metrics.pipeline_sample s USING (resource_id, time), unnest(s.figures, s.counts) AS e(value, count) WHERE NOT whole
       ), merged AS (
         SELECT measure, array_agg(value ORDER BY value) AS values, array_agg(count ORDER BY value) AS counts
         FROM (SELECT measure, value, sum(count)::float8 AS count FROM value GROUP BY measure, value) v GROUP BY measure
       )
       SELECT measure, merged.values, merged.counts, total.sum, total.min, total.max
       FROM (SELECT measure, sum(sum) AS sum, min(least) AS min, max(greatest) AS max FROM minute GROUP BY measure) total
       JOIN merged USING (measure)`,
      [from],
    );
    return new Map(rows.map(({ measure, ...merged }) => [measure, merged]));
  }

  /** Sums up the hours since an instant that are over and whose minutes say something else, in bounded steps. */
  async sumUp(since: Date): Promise<void> {
    await this.postgres.query(
      'pipeline.sum_up',
      `WITH due AS (
         SELECT measure, hour FROM (
           SELECT m.measure, ${hourOf('s.time')} AS hour, sum(s.count) AS count
           FROM metrics.pipeline_sample s JOIN metrics.pipeline_measure m ON m.id = s.resource_id
           WHERE s.time >= ${hourOf('$1::timestamptz')} AND s.time < ${hourOf('now()')} GROUP BY 1, 2) t
         LEFT JOIN metrics.pipeline_hour h USING (measure, hour) WHERE h.count IS DISTINCT FROM t.count
         ORDER BY hour, measure LIMIT ${MAX_HOURS}
       )
       INSERT INTO metrics.pipeline_hour AS h (measure, hour, count, figures, counts)
       SELECT measure, hour, sum(count), array_agg(value ORDER BY value), array_agg(count ORDER BY value) FROM (
         SELECT due.measure, due.hour, e.value, sum(e.count)::bigint AS count
         FROM due JOIN metrics.pipeline_measure m USING (measure)
         JOIN metrics.pipeline_sample s ON s.resource_id = m.id AND s.time >= due.hour AND s.time < due.hour + interval '1 hour',
           unnest(s.figures, s.counts) AS e(value, count)
         GROUP BY 1, 2, 3) v
       GROUP BY measure, hour ORDER BY measure, hour
       ON CONFLICT (measure, hour) DO UPDATE SET count = excluded.count, figures = excluded.figures, counts = excluded.counts`,
      [since],
    );
  }

  /** Forgets what is past its time, beside the series itself. */
  async tidy(keepDays: number): Promise<void> {
    await this.postgres.query(
      'pipeline_hour.tidy',
      `DELETE FROM metrics.pipeline_hour WHERE hour < now() - make_interval(days => $1)`,
      [keepDays],
    );
    // A day more than the samples of it, which go by whole days.
    await this.postgres.query(
      'pipeline_measure.tidy',
      `DELETE FROM metrics.pipeline_measure WHERE seen_at < now() - make_interval(days => $1)`,
      [keepDays + 2],
    );
  }
}
