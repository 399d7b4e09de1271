import { LapwingError } from '@lapwing/contracts';
import type { Postgres } from '@lapwing/postgres';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { serviceSchemas } from '../domain/schemas.js';
import { writeDurably } from './disk.js';

const ROWS = 500;
/** A table larger than this holds more than configuration. Bytes. */
const MAX_TABLE = 2 ** 26;
const KEPT = 5;

/** What was saved. */
export interface Saved {
  folder: string;
  /** Migrations that were applied, by schema. */
  schemas: Record<string, string[]>;
  /** Rows of each table that was saved. */
  tables: Record<string, number>;
  /** Tables of configuration that were too large. */
  left: string[];
}

/**
 * Saves the configuration and which migrations were applied, before they change: `schema.json`, `configuration.jsonl.gz` (a line for
 * each row), and the file with settings where there is one. For people: going back does not need it, since migrations only add.
 * @param environmentFile the file with settings.
 */
export async function saveConfiguration(
  postgres: Postgres,
  folder: string,
  environmentFile: string | undefined,
): Promise<Saved> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const saved: Saved = { folder, schemas: {}, tables: {}, left: [] };
  const out = createGzip();
  const written = pipeline(out, createWriteStream(path.join(folder, 'configuration.jsonl.gz'), { mode: 0o600 }));
  const rows = Readable.from(configurationRows(postgres, saved));
  await Promise.all([pipeline(rows, out), written]);
  if (environmentFile) await saveSettings(environmentFile, folder);
  await writeDurably(path.join(folder, 'schema.json'), `${JSON.stringify(saved, null, 2)}\n`);
  await prune(path.dirname(folder));
  return saved;
}

async function saveSettings(file: string, folder: string): Promise<void> {
  const target = path.join(folder, path.basename(file));
  const text = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new LapwingError(
      'UPDATE_FAILED',
      `UPDATES_ENVIRONMENT_FILE=${file} cannot be read (${error.code}), so it cannot be saved`,
    );
  });
  await writeFile(target, text, { mode: 0o600 });
}

async function* configurationRows(postgres: Postgres, saved: Saved): AsyncGenerator<string> {
  const chosen = serviceSchemas.filter(({ isConfiguration }) => isConfiguration).map(({ schema }) => schema);
  const { rows: tables } = await postgres.query<{ schema: string; name: string; quoted: string; bytes: number }>(
    'backup.tables',
    `SELECT schemaname AS schema, tablename AS name, format('%I.%I', schemaname, tablename) AS quoted,
       pg_total_relation_size(format('%I.%I', schemaname, tablename)) AS bytes
     FROM pg_tables WHERE schemaname = ANY ($1) ORDER BY 1, 2`,
    [serviceSchemas.map(({ schema }) => schema)],
  );
  for (const { schema, name, quoted, bytes } of tables) {
    const isLedger = name === 'migration';
    if (!isLedger && !(chosen as string[]).includes(schema)) continue;
    if (bytes > MAX_TABLE) {
      saved.left.push(`${schema}.${name}`);
      continue;
    }
    for await (const row of rowsOf(postgres, quoted)) {
      if (isLedger) (saved.schemas[schema] ??= []).push((row as { name: string }).name);
      saved.tables[`${schema}.${name}`] = (saved.tables[`${schema}.${name}`] ?? 0) + 1;
      yield `${JSON.stringify({ table: `${schema}.${name}`, row })}\n`;
    }
  }
}

/** @param quoted as PostgreSQL itself quoted it. */
async function* rowsOf(postgres: Postgres, quoted: string): AsyncGenerator {
  // The place of a row in its table, in order: a page at a time without holding a transaction open while a disk is written.
  for (let after = '(0,0)'; ;) {
    const { rows } = await postgres.query<{ place: string; row: unknown }>(
      'backup.rows',
      `SELECT ctid::text AS place, to_jsonb(t) AS row FROM ${quoted} AS t WHERE ctid > $1::tid ORDER BY ctid LIMIT $2`,
      [after, ROWS],
    );
    for (const { row } of rows) yield row;
    const last = rows.at(-1);
    if (!last || rows.length < ROWS) return;
    after = last.place;
  }
}

async function prune(folder: string): Promise<void> {
  const names = (await readdir(folder)).toSorted().toReversed();
  for (const name of names.slice(KEPT)) await rm(path.join(folder, name), { recursive: true, force: true });
}
