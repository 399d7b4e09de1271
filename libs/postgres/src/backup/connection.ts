import pg from 'pg';
import type { Statements } from '../pool.js';

/** A backup that cannot be made, or not be put back; the message says why, and what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

// Texts depend on these: what one server writes, another must read as the same.
const SETTINGS = [
  'timezone=UTC',
  'datestyle=ISO',
  'intervalstyle=postgres',
  'bytea_output=hex',
  'extra_float_digits=1',
  'lock_timeout=30s',
  'statement_timeout=6h',
];

/**
 * A connection for copying tables.
 * @param role what PostgreSQL shows it as: `lapwing-<role>`.
 * @throws BackupError when the database cannot be reached.
 */
export async function connect(url: string, role: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: `lapwing-${role}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    options: SETTINGS.map((setting) => `-c ${setting}`).join(' '),
  });
  // A connection that is cut between two statements: the next one fails and tells.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw new BackupError(`the database cannot be reached (${code ?? message})`);
  }
  return client;
}

/** The statements of a connection, in the form that migrations know. */
export function statementsOf(client: pg.Client): Statements {
  return {
    query: async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
      const result = await client.query<R>(text, values);
      return { rows: result.rows, count: result.rowCount ?? 0 };
    },
  };
}

/** A name as SQL takes it. Throws `BackupError` for one that is none of Lapwing's. */
export function identifier(name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new BackupError(`"${name}" is no name of a table or a column`);
  return `"${name}"`;
}

/** A table's name with its schema, as SQL takes it. */
export const qualified = ({ schema, name }: { schema: string; name: string }): string =>
  `${identifier(schema)}.${identifier(name)}`;
