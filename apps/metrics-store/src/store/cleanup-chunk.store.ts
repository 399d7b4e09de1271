import type { Postgres, SweptRows } from '@lapwing/postgres';
import type { Piece } from '../domain/cleanup.js';

/** Series of which old rows are deleted, or counted. */
export interface CleanedSeries {
  /** The stretches that begin before an instant, in the order of names and times. */
  pieces(before: number): Promise<Piece[]>;
  /** How many rows of a piece lie before an instant. */
  count(piece: Piece, before: number): Promise<SweptRows>;
  /** Deletes a piece as a whole. */
  drop(piece: Piece): Promise<SweptRows>;
  /** Deletes the rows of a piece before an instant, as long as `goOn` says so; `next` says where to go on, null when none is left. */
  deletePart(
    piece: Piece,
    before: number,
    from: number,
    goOn: () => boolean,
  ): Promise<SweptRows & { next: number | null }>;
  /** Forgets which roll-ups before an instant were to be done again. */
  forgetLate(before: number): Promise<void>;
}

interface Chunk extends Piece {
  /** What holds the rows, and what TimescaleDB drops them by: another one for a continuous aggregate. */
  source: string;
  relation: string;
  column: string;
  width: number;
}

const HOUR_MS = 3_600_000;

/** Deletes samples and roll-ups of before an instant, or counts them, where TimescaleDB keeps them in chunks. */
export class CleanupChunkStore implements CleanedSeries {
  constructor(private readonly postgres: Postgres) {}

  async pieces(before: number): Promise<Chunk[]> {
    const { rows } = await this.postgres.query<Chunk>(
      'cleanup.chunks',
      `SELECT coalesce(format('%s.%s', a.view_schema, a.view_name), format('%s.%s', c.hypertable_schema, c.hypertable_name)) AS series,
         c.range_start AS starts, c.range_end AS ends,
         format('%I.%I', c.hypertable_schema, c.hypertable_name) AS source,
         coalesce(format('%I.%I', a.view_schema, a.view_name), format('%I.%I', c.hypertable_schema, c.hypertable_name)) AS relation,
         CASE WHEN a.view_name IS NULL THEN 'time' ELSE 'bucket' END AS "column",
         (SELECT 52 + sum(greatest(t.attlen, 0)) FROM pg_attribute t WHERE t.attnum > 0 AND NOT t.attisdropped
            AND t.attrelid = format('%I.%I', c.hypertable_schema, c.hypertable_name)::regclass)::int AS width
       FROM timescaledb_information.chunks c
       LEFT JOIN timescaledb_information.continuous_aggregates a
         ON a.materialization_hypertable_schema = c.hypertable_schema AND a.materialization_hypertable_name = c.hypertable_name
       WHERE c.range_start < $1 AND coalesce(a.view_schema, c.hypertable_schema) = 'metrics'
       ORDER BY 1 COLLATE "C", 2`,
      [new Date(before)],
    );
    return rows;
  }

  async count({ source, column, width, starts, ends }: Chunk, before: number): Promise<SweptRows> {
    const { rows } = await this.postgres.query<{ n: number }>(
      'cleanup.count',
      `SELECT count(*) AS n FROM ${source} WHERE ${column} >= $1 AND ${column} < $2`,
      [new Date(starts), new Date(Math.min(ends, before))],
    );
    const n = rows[0]?.n ?? 0;
    return { rows: n, bytes: n * width };
  }

  async drop(piece: Chunk): Promise<SweptRows> {
    const gone = await this.count(piece, piece.ends);
    await this.postgres.transaction('cleanup.drop', async (transaction) => {
      await transaction.query(`SET LOCAL lock_timeout = '2s'`);
      await transaction.query(
        'SELECT drop_chunks($1::regclass, older_than => $2::timestamptz, newer_than => $3::timestamptz)',
        [piece.relation, new Date(piece.ends), new Date(piece.starts)],
      );
    });
    return gone;
  }

  /** Hour by hour: `from` is how many hours were done. */
  async deletePart(piece: Chunk, before: number, from: number, goOn: () => boolean) {
    const { source, column, width, starts } = piece;
    const end = Math.min(piece.ends, before);
    let rows = 0;
    for (let hour = from; ; hour++) {
      const at = starts + hour * HOUR_MS;
      if (at >= end) return { rows, bytes: rows * width, next: null };
      const { count } = await this.postgres.query(
        'cleanup.hour',
        `DELETE FROM ${source} WHERE ${column} >= $1 AND ${column} < $2`,
        [new Date(at), new Date(Math.min(at + HOUR_MS, end))],
      );
      rows += count;
      if (!goOn()) return { rows, bytes: rows * width, next: hour + 1 };
    }
  }

  /** TimescaleDB knows by itself. */
  async forgetLate(): Promise<void> {}
}
