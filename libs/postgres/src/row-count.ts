import type { Postgres } from './pool.js';

/** Rows above which a count becomes an estimate. */
const MOST = 1_000_000;

/** How many rows there are, and whether that is an estimate. */
export interface Counted {
  rows: number;
  isEstimate: boolean;
}

/**
 * Counts the rows of a table with its partitions: exactly up to a million, above by the database's statistics. Never looks at more rows than that.
 * @param table with its schema, as code names it; never input.
 * @param where which rows count, in SQL with its parameters; an estimate leaves it out.
 */
export async function countRows(
  postgres: Pick<Postgres, 'query'>,
  table: string,
  where = 'true',
  values: unknown[] = [],
): Promise<Counted> {
  const { rows } = await postgres.query<{ estimate: number | null }>(
    'rows.estimate',
    `WITH RECURSIVE part AS (
       SELECT $1::regclass::oid AS id UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.id)
     SELECT sum(greatest(c.reltuples, 0))::bigint AS estimate FROM pg_class c JOIN part ON part.id = c.oid WHERE c.relkind = 'r'`,
    [table],
  );
  const estimate = rows[0]?.estimate ?? 0;
  if (estimate > MOST) return { rows: estimate, isEstimate: true };
  const counted = await postgres.query<{ n: number }>(
    'rows.count',
    `SELECT count(*) AS n FROM (SELECT FROM ${table} WHERE ${where} LIMIT ${MOST + 1}) x`,
    values,
  );
  const exact = counted.rows[0]?.n ?? 0;
  return { rows: Math.max(exact, exact > MOST ? estimate : 0), isEstimate: exact > MOST };
}
