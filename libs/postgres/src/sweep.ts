import type { Transaction } from './pool.js';

/** Blocks of 8 KiB that one statement looks through. */
const BLOCKS = 1000;

/** Runs something in a transaction of its own. */
type Transact = <T>(name: string, work: (transaction: Transaction) => Promise<T>) => Promise<T>;

/** Which rows of a table are to go. */
export interface Swept {
  /** A table without partitions, quoted; never input. */
  table: string;
  /** Which rows go, in SQL over `t`, with parameters from `$3` on. */
  where: string;
  values: unknown[];
  /** What a row takes in bytes, in SQL over `t`. */
  bytes: string;
}

/** How many rows, and what they take. */
export interface SweptRows {
  rows: number;
  bytes: number;
}

/**
 * Deletes rows stretch by stretch of the table's own order, in short transactions: each block is read once, however many rows go, and others write
 * meanwhile. Rows that are written meanwhile are not looked at for certain.
 * @param from the block to begin with, and `goOn` whether there is time for another stretch.
 * @returns what went, also when a later stretch failed, and the block to go on with; null when all were looked at.
 */
export async function sweep(
  transact: Transact,
  { table, where, values, bytes }: Swept,
  from: number,
  goOn: () => boolean,
): Promise<SweptRows & { next: number | null }> {
  const gone: SweptRows = { rows: 0, bytes: 0 };
  for (let block = from; ; block += BLOCKS) {
    const found = await transact('sweep', (transaction) =>
      transaction.query<SweptRows & { blocks: number }>(
        `WITH gone AS (DELETE FROM ${table} t WHERE t.ctid >= $1::tid AND t.ctid < $2::tid AND ${where} RETURNING ${bytes} AS bytes)
         SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes,
           pg_relation_size('${table}'::regclass) / current_setting('block_size')::bigint AS blocks FROM gone`,
        [`(${block},0)`, `(${block + BLOCKS},0)`, ...values],
      ),
    ).catch((error: unknown) => {
      // What is gone already must be told; whoever goes on begins with this stretch.
      if (block === from) throw error;
      return null;
    });
    if (!found) return { ...gone, next: block };
    const [piece] = found.rows;
    gone.rows += piece?.rows ?? 0;
    gone.bytes += piece?.bytes ?? 0;
    if (block + BLOCKS >= (piece?.blocks ?? 0)) return { ...gone, next: null };
    if (!goOn()) return { ...gone, next: block + BLOCKS };
  }
}

/** What {@link sweep} would delete. */
export async function sweepable(
  transaction: Pick<Transaction, 'query'>,
  { table, where, values, bytes }: Swept,
): Promise<SweptRows> {
  const { rows } = await transaction.query<SweptRows>(
    `SELECT count(*) AS rows, coalesce(sum(${bytes}), 0)::bigint AS bytes FROM ${table} t WHERE t.ctid >= $1::tid AND t.ctid < $2::tid AND ${where}`,
    ['(0,0)', `(${2 ** 32 - 2},0)`, ...values],
  );
  return rows[0] ?? { rows: 0, bytes: 0 };
}
