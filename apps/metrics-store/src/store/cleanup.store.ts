import type { RowCount } from '@lapwing/contracts';
import { countRows, seriesMode, sweep, sweepable, type Postgres, type Swept, type SweptRows } from '@lapwing/postgres';
import type { Piece } from '../domain/cleanup.js';
import { CleanupChunkStore, type CleanedSeries } from './cleanup-chunk.store.js';

/** Readers and writers wait no longer than this for a partition to go; it is tried again. */
const LOCK_TIMEOUT = '2s';
const MARKS_AT_ONCE = 10_000;

interface Partition extends Piece {
  leaf: string;
  column: string;
  /** What a row takes: header, entry of the index, and the widths of its columns. */
  width: number;
}

/** Deletes samples and roll-ups of before an instant, or counts them, where there is no TimescaleDB. */
class CleanupPartitionStore implements CleanedSeries {
  constructor(private readonly postgres: Postgres) {}

  async pieces(before: number): Promise<Partition[]> {
    const { rows } = await this.postgres.query<Partition>(
      'cleanup.partitions',
      `SELECT p.series, p.starts, p.ends, x.leaf::text AS leaf, s.time_column AS "column",
         (SELECT 52 + sum(greatest(a.attlen, 0)) FROM pg_attribute a WHERE a.attrelid = x.leaf AND a.attnum > 0 AND NOT a.attisdropped)::int AS width
       FROM lapwing.partition p JOIN lapwing.series s ON s.name = p.series
       CROSS JOIN LATERAL (SELECT to_regclass(lapwing.partition_name(p.series, p.starts)) AS leaf) x
       WHERE p.starts < $1 AND split_part(p.series, '.', 1) = 'metrics' AND x.leaf IS NOT NULL
       ORDER BY p.series COLLATE "C", p.starts`,
      [new Date(before)],
    );
    return rows;
  }

  count(piece: Partition, before: number): Promise<SweptRows> {
    const statements = {
      query: <R extends Record<string, unknown>>(text: string, values?: unknown[]) =>
        this.postgres.query<R>('cleanup.count', text, values),
    };
    return sweepable(statements, sweptOf(piece, before));
  }

  /** Counts a whole partition and drops it, with nobody writing between. */
  drop(piece: Partition): Promise<SweptRows> {
    return this.postgres.transaction('cleanup.drop', async (transaction) => {
      await transaction.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      await transaction.query(`SELECT pg_advisory_xact_lock(hashtext('lapwing.partition'), hashtext($1))`, [
        piece.series,
      ]);
      await transaction.query(`LOCK TABLE ${piece.leaf} IN SHARE MODE`);
      const gone = await sweepable(transaction, sweptOf(piece, piece.ends));
      await transaction.query(`DROP TABLE ${piece.leaf}`);
      await transaction.query('DELETE FROM lapwing.partition WHERE series = $1 AND starts = $2', [
        piece.series,
        new Date(piece.starts),
      ]);
      return gone;
    });
  }

  deletePart(piece: Partition, before: number, block: number, goOn: () => boolean) {
    return sweep((name, work) => this.postgres.transaction(name, work), sweptOf(piece, before), block, goOn);
  }

  /** What came late for roll-ups that go must not bring them back, out of samples that are gone. */
  async forgetLate(before: number): Promise<void> {
    for (let count = MARKS_AT_ONCE; count >= MARKS_AT_ONCE;) {
      const result = await this.postgres.query(
        'cleanup.late',
        `DELETE FROM lapwing.rollup_late WHERE (rollup, bucket, resource_id) IN (
           SELECT rollup, bucket, resource_id FROM lapwing.rollup_late WHERE bucket < $1 LIMIT ${MARKS_AT_ONCE})`,
        [new Date(before)],
      );
      count = result.count;
    }
  }
}

function sweptOf({ leaf, column, width }: Partition, before: number): Swept {
  return { table: leaf, where: `t.${column} < $3`, values: [new Date(before)], bytes: String(width) };
}

/** Deletes samples and roll-ups of before an instant, or counts them, and counts what there is. */
export class CleanupStore {
  #series: Promise<CleanedSeries> | undefined;

  constructor(private readonly postgres: Postgres) {}

  /** The series, as this database keeps them. */
  series(): Promise<CleanedSeries> {
    this.#series ??= seriesMode(this.postgres).then((mode) =>
      mode === 'timescale' ? new CleanupChunkStore(this.postgres) : new CleanupPartitionStore(this.postgres),
    );
    this.#series.catch(() => (this.#series = undefined));
    return this.#series;
  }

  /** How many readings of graphics cards there are that are not past their time. */
  async gpuSamples(keptSince: number): Promise<RowCount> {
    return countRows(this.postgres, 'metrics.gpu_sample', 'time >= $1', [new Date(keptSince)]);
  }
}
