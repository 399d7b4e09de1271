import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { MIGRATION_LOCK, applyMigrations, migrationFiles } from '../migrations.js';
import { installSeries } from '../series.js';
import { schemasIn, tablesOf } from './catalog.js';
import { BackupError, connect, identifier, qualified, statementsOf } from './connection.js';
import type { DatabaseBackup, SavedTable } from './dump.js';

/** What is put back, and how. */
export interface Restoration {
  backup: DatabaseBackup;
  /** Where the files of the tables are. */
  folder: string;
  /** Where the migrations of each schema are. */
  migrations: Record<string, URL>;
  /** Whether a Lapwing that the database holds may be replaced. */
  force: boolean;
}

/** What PostgreSQL says of parts of a series: times, and nothing that could be another statement. */
const BOUND = /^FOR VALUES FROM \('[-0-9:+. a-z]{1,40}'\) TO \('[-0-9:+. a-z]{1,40}'\)$/;

/**
 * Puts a backup back: makes the tables by the migrations that it was made with, and fills them, all in one transaction, after which everything is
 * there or nothing has changed. Later migrations are applied when the services start.
 * @throws BackupError when the backup is of a newer version, the database holds a Lapwing and `force` is not given, or services are connected.
 */
export async function loadDatabase(url: string, restoration: Restoration): Promise<void> {
  const { backup, migrations, force } = restoration;
  await refuseNewer(backup, migrations);
  const schemas = ['lapwing', ...Object.keys(migrations)];
  refuseOthers(backup, schemas);
  const client = await connect(url, 'restore');
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await refuseConnected(client);
    await makeRoom(client, schemas, force);
    await makeTables(client, restoration);
    await makeParts(client, schemas, backup.tables);
    for (const table of backup.tables) await fill(client, table, restoration.folder);
    for (const { last, ...sequence } of backup.sequences)
      await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [
        qualified(sequence),
        last ?? 1,
        last !== null,
      ]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    await client.end().catch(() => {});
    if (error instanceof BackupError) throw error;
    throw new BackupError(`the database refused it, and is as it was before: ${(error as Error).message}`);
  }
  // It is restored; PostgreSQL counts its rows by itself later where this fails.
  await client.query('ANALYZE').catch(() => {});
  await client.end().catch(() => {});
}

async function refuseNewer(backup: DatabaseBackup, migrations: Record<string, URL>): Promise<void> {
  for (const [schema, names] of Object.entries(backup.migrations)) {
    const folder = migrations[schema];
    const known = folder ? await migrationFiles(folder) : [];
    const newer = names.find((name) => !known.includes(name));
    if (!folder || newer !== undefined)
      throw new BackupError(
        `the backup is of a newer Lapwing (${schema} ${newer ?? ''}): install that version, or a later one`,
      );
  }
}

/** Whoever made a backup may have written anything into it: only tables of Lapwing are filled. */
function refuseOthers({ tables, sequences }: DatabaseBackup, schemas: readonly string[]): void {
  const other = [...tables, ...sequences].find(({ schema }) => !schemas.includes(schema));
  if (other) throw new BackupError(`the backup has ${qualified(other)}, which is not Lapwing's`);
}

async function refuseConnected(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'lapwing-%' ORDER BY 1`,
  );
  if (rows.length > 0)
    throw new BackupError(
      `Lapwing uses this database (${rows.map(({ name }) => name).join(', ')}): stop it before a backup is put back`,
    );
}

async function makeRoom(client: pg.Client, schemas: string[], force: boolean): Promise<void> {
  const there = await schemasIn(client, schemas);
  if (there.length === 0) return;
  if (!force)
    throw new BackupError(
      `the database holds a Lapwing already (schemas ${there.join(', ')}): name an empty database, or replace it with --force`,
    );
  await client.query(`DROP SCHEMA ${there.map(identifier).join(', ')} CASCADE`);
}

/** The tables as they were when the backup was made, empty. */
async function makeTables(client: pg.Client, { backup, migrations }: Restoration): Promise<void> {
  const statements = statementsOf(client);
  // The server may have TimescaleDB; the backup comes from one that did without.
  await client.query(`CREATE SCHEMA lapwing;
    CREATE TABLE lapwing.mode (mode text NOT NULL CHECK (mode IN ('timescale', 'plain')), singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton));
    INSERT INTO lapwing.mode (mode) VALUES ('plain')`);
  await installSeries(statements);
  for (const [schema, names] of Object.entries(backup.migrations)) {
    const folder = migrations[schema];
    if (folder) await applyMigrations(statements, schema, folder, names);
  }
}

/** What migrations have put into the tables goes, and the parts of series become those of the backup. */
async function makeParts(client: pg.Client, schemas: string[], saved: SavedTable[]): Promise<void> {
  for (const table of (await tablesOf(client, schemas)).toReversed())
    await client.query(table.part ? `DROP TABLE ${qualified(table)}` : `DELETE FROM ${qualified(table)}`);
  for (const table of saved.filter(({ part }) => part)) {
    const { schema, part = { of: '', bound: '' } } = table;
    if (!BOUND.test(part.bound)) throw new BackupError(`${qualified(table)} has a bound that is none: ${part.bound}`);
    const parent = qualified({ schema, name: part.of });
    await client.query(`CREATE TABLE ${qualified(table)} PARTITION OF ${parent} ${part.bound}`);
  }
}

async function fill(client: pg.Client, table: SavedTable, folder: string): Promise<void> {
  const copy = copyFrom(`COPY ${qualified(table)} (${table.columns.map(identifier).join(', ')}) FROM STDIN`);
  const file = path.join(folder, path.basename(table.file));
  await pipeline(createReadStream(file), createGunzip(), client.query(copy));
  if (copy.rowCount !== table.rows)
    throw new BackupError(`${qualified(table)} has ${copy.rowCount} rows, and should have ${table.rows}`);
}
