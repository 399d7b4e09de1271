import { readFile } from 'node:fs/promises';
import type { Postgres, Transaction } from './pool.js';

/** How series are kept: by TimescaleDB where the extension and its licence allow, else by PostgreSQL's own means. */
export type SeriesMode = 'timescale' | 'plain';

const SQL = new URL('../sql/', import.meta.url);

/**
 * Installs the functions `lapwing.make_series`, `make_rollup`, `ensure_partitions`, `note_late`, `maintain_partitions`,
 * `set_retention`, which migrations and stores call without knowing the mode. The mode is chosen once for a database and
 * kept: tables that exist cannot change it.
 */
export async function installSeries(transaction: Transaction): Promise<SeriesMode> {
  await transaction.query(`CREATE SCHEMA IF NOT EXISTS lapwing;
    CREATE TABLE IF NOT EXISTS lapwing.mode (mode text NOT NULL CHECK (mode IN ('timescale', 'plain')), singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton))`);
  const { rows } = await transaction.query<{ mode: SeriesMode }>('SELECT mode FROM lapwing.mode');
  const mode = rows[0]?.mode ?? (await chooseMode(transaction));
  await transaction.query('INSERT INTO lapwing.mode (mode) VALUES ($1) ON CONFLICT DO NOTHING', [mode]);
  for (const file of ['series.common.sql', `series.${mode}.sql`])
    await transaction.query(await readFile(new URL(file, SQL), 'utf8'));
  return mode;
}

/** The mode of a database whose migrations have run. */
export async function seriesMode(postgres: Postgres): Promise<SeriesMode> {
  const { rows } = await postgres.query<{ mode: SeriesMode }>('series.mode', 'SELECT mode FROM lapwing.mode');
  return rows[0]?.mode ?? 'plain';
}

async function chooseMode(transaction: Transaction): Promise<SeriesMode> {
  const { rows } = await transaction.query<{ usable: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
       AND current_setting('shared_preload_libraries') LIKE '%timescaledb%'
       AND current_setting('timescaledb.license', true) IS NOT DISTINCT FROM 'timescale' AS usable`,
  );
  if (!rows[0]?.usable) return 'plain';
  await transaction.query('SAVEPOINT extension');
  try {
    await transaction.query('CREATE EXTENSION IF NOT EXISTS timescaledb');
    return 'timescale';
  } catch {
    // not allowed to create it: the functions of plain PostgreSQL do the same
    await transaction.query('ROLLBACK TO SAVEPOINT extension');
    return 'plain';
  }
}
