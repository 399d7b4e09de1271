import { readFile } from 'node:fs/promises';
import type { Postgres, Statements } from './pool.js';

/** How series are kept: by TimescaleDB where the extension and its licence allow, else by PostgreSQL's own means. */
export type SeriesMode = 'timescale' | 'plain';

const SQL = new URL('../sql/', import.meta.url);

/**
 * Installs the functions `lapwing.make_series`, `make_rollup`, `ensure_partitions`, `note_late`, `maintain_partitions`,
 * `set_retention`, which migrations and stores call without knowing the mode. The mode is chosen once for a database and
 * kept: tables that exist cannot change it.
 */
export async function installSeries(transaction: Statements): Promise<SeriesMode> {
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

async function chooseMode(transaction: Statements): Promise<SeriesMode> {
  const { rows } = await transaction.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
       AND current_setting('shared_preload_libraries') LIKE '%timescaledb%' AS there`,
  );
  if (!rows[0]?.there) return 'plain';
  await transaction.query('SAVEPOINT extension');
  if (await isUsable(transaction)) return 'timescale';
  await transaction.query('ROLLBACK TO SAVEPOINT extension');
  return 'plain';
}

/** Makes the extension. It may be forbidden, or be the edition whose licence leaves compression and roll-ups out. */
async function isUsable(transaction: Statements): Promise<boolean> {
  try {
    await transaction.query('CREATE EXTENSION IF NOT EXISTS timescaledb');
    const { rows } = await transaction.query<{ license: string }>(
      `SELECT current_setting('timescaledb.license') AS license`,
    );
    return rows[0]?.license === 'timescale';
  } catch {
    return false;
  }
}
