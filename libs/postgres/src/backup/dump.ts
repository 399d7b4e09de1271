import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { schemasIn, sequencesOf, tablesOf, type SequenceState, type TableShape } from './catalog.js';
import { BackupError, connect, identifier, qualified } from './connection.js';

/** A table in a backup. */
export interface SavedTable extends TableShape {
  /** Its rows as `COPY` writes them, compressed with gzip. */
  file: string;
  rows: number;
  /** Bytes of the file. */
  bytes: number;
  /** Of the file, hexadecimal. */
  sha256: string;
}

/** What was saved of a database. */
export interface DatabaseBackup {
  /** Of the PostgreSQL server. */
  server: string;
  /** Migrations that were applied, by schema. */
  migrations: Record<string, string[]>;
  tables: SavedTable[];
  sequences: SequenceState[];
}

/** Tables may be dropped while a backup runs: the oldest part of a series, say. */
const ATTEMPTS = 3;

/**
 * Saves all rows of these schemas as they are at one instant, a file for each table. The services may go on: each table is locked only while it
 * is read, and only against being dropped.
 * @param schemas the first is `lapwing`, which says how series are kept.
 * @param folder where the files go; it must be there and empty.
 * @throws BackupError when the database is away, holds no Lapwing, or keeps its series in TimescaleDB.
 */
export async function dumpDatabase(
  url: string,
  schemas: readonly string[],
  folder: string,
  tell: (text: string) => void = () => {},
): Promise<DatabaseBackup> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dumpOnce(url, schemas, folder);
    } catch (error) {
      // undefined_table: it was there when the backup began.
      if ((error as { code?: unknown }).code !== '42P01' || attempt === ATTEMPTS) throw error;
      tell('a table was dropped meanwhile: beginning again');
    }
  }
}

async function dumpOnce(url: string, schemas: readonly string[], folder: string): Promise<DatabaseBackup> {
  const holder = await connect(url, 'backup');
  const worker = await connect(url, 'backup');
  try {
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await holder.query<{ snapshot: string; server: string }>(
      `SELECT pg_export_snapshot() AS snapshot, current_setting('server_version') AS server`,
    );
    const [{ snapshot, server } = { snapshot: '', server: '' }] = rows;
    const there = await schemasIn(holder, schemas);
    if (!there.includes('lapwing') || there.length < 2)
      throw new BackupError('the database holds no Lapwing: nothing to save');
    await refuseTimescale(holder);
    const tables: SavedTable[] = [];
    for (const shape of await tablesOf(holder, there)) tables.push(await saveTable(worker, snapshot, shape, folder));
    return {
      server,
      migrations: await migrationsOf(holder, there),
      tables,
      // Read last: a sequence never goes back, so it is at or beyond what the rows need.
      sequences: await sequencesOf(holder, there),
    };
  } finally {
    await Promise.all([holder.end(), worker.end()]);
  }
}

async function refuseTimescale(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ mode: string }>('SELECT mode FROM lapwing.mode');
  if (rows[0]?.mode === 'timescale')
    throw new BackupError(
      'this database keeps its series in TimescaleDB, whose tables only pg_dump of its own server can save: see "TimescaleDB" in docs/backup.md',
    );
}

async function migrationsOf(client: pg.Client, schemas: readonly string[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const schema of schemas.filter((name) => name !== 'lapwing')) {
    const text = `SELECT name FROM ${qualified({ schema, name: 'migration' })} ORDER BY name`;
    found[schema] = (await client.query<{ name: string }>(text)).rows.map(({ name }) => name);
  }
  return found;
}

/** Saves one table, as the snapshot has it, in a transaction of its own. */
async function saveTable(worker: pg.Client, snapshot: string, shape: TableShape, folder: string): Promise<SavedTable> {
  const file = `${shape.schema}.${shape.name}.copy.gz`;
  const hash = createHash('sha256');
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  await worker.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await worker.query(`SET TRANSACTION SNAPSHOT '${snapshot.replaceAll("'", '')}'`);
    const copy = copyTo(`COPY ${qualified(shape)} (${shape.columns.map(identifier).join(', ')}) TO STDOUT`);
    const out = createWriteStream(path.join(folder, file), { mode: 0o600 });
    await pipeline(worker.query(copy), createGzip({ level: 5 }), counted, out);
    await flush(path.join(folder, file));
    return { ...shape, file, rows: copy.rowCount, bytes, sha256: hash.digest('hex') };
  } finally {
    await worker.query('ROLLBACK').catch(() => {});
  }
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
