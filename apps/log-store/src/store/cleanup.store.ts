import type { RowCount } from '@lapwing/contracts';
import {
  countRows,
  seriesMode,
  sweep,
  sweepable,
  type Schema,
  type Postgres,
  type Swept,
  type SweptRows,
} from '@lapwing/postgres';

/** Readers and writers wait no longer than this for a partition to go; it is tried again. */
const LOCK_TIMEOUT = '1s';
const VOLUME_AT_ONCE = 20_000;
const HOUR_MS = 3_600_000;
/** What a line takes: header, entries of the two indexes, its numbers, and its text. */
const LINE_BYTES = '120 + octet_length(t.message) + coalesce(pg_column_size(t.fields), 0)';

/** A stretch of time in which lines lie together. */
export interface Stretch {
  /** Its table; null where TimescaleDB knows that alone. */
  leaf: string | null;
  /** Milliseconds since 1970, or infinite. */
  starts: number;
  ends: number;
}

type Part = SweptRows & { next: number | null };

/** Deletes lines of before an instant, or counts them. */
export class CleanupStore {
  #isPlain: boolean | undefined;

  constructor(
    private readonly schema: Schema,
    private readonly postgres: Postgres,
  ) {}

  /** The stretches that begin before an instant, from the oldest. */
  async stretches(before: number): Promise<Stretch[]> {
    this.#isPlain ??= (await seriesMode(this.postgres)) === 'plain';
    const text = this.#isPlain
      ? `SELECT format('logs.%I', name) AS leaf, starts, ends FROM logs.partition WHERE starts < $1 ORDER BY starts`
      : `SELECT NULL AS leaf, range_start AS starts, range_end AS ends FROM timescaledb_information.chunks
         WHERE hypertable_schema = 'logs' AND hypertable_name = 'entry' AND range_start < $1 ORDER BY range_start`;
    const { rows } = await this.schema.query<{ leaf: string | null; starts: number; ends: number }>(
      'cleanup.stretches',
      text,
      [new Date(before)],
    );
    return rows.map(({ leaf, starts, ends }) => ({
      leaf,
      starts: Number.isFinite(starts) ? starts : Number.NEGATIVE_INFINITY,
      ends: Number.isFinite(ends) ? ends : Number.POSITIVE_INFINITY,
    }));
  }

  /** How many lines of a stretch lie before an instant. */
  count(stretch: Stretch, before: number): Promise<SweptRows> {
    return sweepable(this.schema.plain('cleanup.count'), sweptOf(stretch, before));
  }

  /** Deletes the oldest stretch as a whole. Throws `UNAVAILABLE` while others use it for too long. */
  drop(stretch: Stretch): Promise<SweptRows> {
    return this.schema.transaction('cleanup.drop', async (transaction) => {
      await transaction.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      if (stretch.leaf) await transaction.query(`LOCK TABLE ${stretch.leaf} IN SHARE MODE`);
      const gone = await sweepable(transaction, sweptOf(stretch, stretch.ends));
      if (stretch.leaf) {
        const { rows } = await transaction.query<{ dropped: boolean }>('SELECT logs.drop_partition($1) AS dropped', [
          stretch.leaf.replace('logs.', ''),
        ]);
        return rows[0]?.dropped ? gone : { rows: 0, bytes: 0 };
      }
      await transaction.query(`SELECT drop_chunks('logs.entry', older_than => $1::timestamptz)`, [
        new Date(stretch.ends),
      ]);
      return gone;
    });
  }

  /**
   * Deletes the lines of a stretch before an instant, as long as `goOn` says so.
   * @param from where to begin: a block, or with TimescaleDB an hour of the stretch; `next` says where to go on.
   */
  async deletePart(stretch: Stretch, before: number, from: number, goOn: () => boolean): Promise<Part> {
    const swept = sweptOf(stretch, before);
    if (stretch.leaf) return sweep((name, work) => this.schema.transaction(name, work), swept, from, goOn);
    const gone = { rows: 0, bytes: 0 };
    for (let hour = from; ; hour++) {
      const at = stretch.starts + hour * HOUR_MS;
      if (at >= before) return { ...gone, next: null };
      const { rows } = await this.schema.query<SweptRows & Record<string, unknown>>(
        'cleanup.hour',
        `WITH gone AS (DELETE FROM logs.entry t WHERE t.time >= $1 AND t.time < $2 RETURNING ${LINE_BYTES} AS bytes)
         SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes FROM gone`,
        [new Date(at), new Date(Math.min(at + HOUR_MS, before))],
      );
      gone.rows += rows[0]?.rows ?? 0;
      gone.bytes += rows[0]?.bytes ?? 0;
      if (!goOn()) return { ...gone, next: hour + 1 };
    }
  }

  /** Deletes the counts of minutes before a full hour whose lines are gone. */
  async forgetVolume(before: number): Promise<void> {
    for (let count = VOLUME_AT_ONCE; count >= VOLUME_AT_ONCE;) {
      const result = await this.schema.query(
        'cleanup.volume',
        `DELETE FROM logs.volume WHERE (minute, stream_id, level) IN (
           SELECT minute, stream_id, level FROM logs.volume WHERE minute < $1 LIMIT ${VOLUME_AT_ONCE})`,
        [new Date(before)],
      );
      count = result.count;
    }
  }

  /** How many lines there are that are not past their time. */
  lines(keptSince: number): Promise<RowCount> {
    return countRows(this.schema, 'logs.entry', 'time >= $1', [new Date(keptSince)]);
  }
}

function sweptOf({ leaf, starts, ends }: Stretch, before: number): Swept {
  const end = new Date(Math.min(ends, before));
  const isFirst = starts === Number.NEGATIVE_INFINITY;
  return leaf
    ? { table: leaf, where: 't.time < $3', values: [end], bytes: LINE_BYTES }
    : {
        table: 'logs.entry',
        where: 't.time >= $3 AND t.time < $4',
        values: [isFirst ? '-infinity' : new Date(starts), end],
        bytes: LINE_BYTES,
      };
}
