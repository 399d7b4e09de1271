import { createLogger, describeError, type Logger } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Postgres, Statements } from './pool.js';
import { installSeries } from './series.js';

const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** How often is looked whether somebody else has applied what is missing. */
const LOOK_MS = 500;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Serialises migrations of all services on one database: they share the schema `lapwing`. */
export const MIGRATION_LOCK = 7_524_601;

/**
 * The migrations of a folder in their order.
 * @throws Error for a file that does not follow `NNNN_name.sql`, or a number that is missing.
 */
export async function migrationFiles(folder: URL): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted();
  const odd = files.find((name, index) => !FILE.test(name) || Number(name.slice(0, 4)) !== index + 1);
  if (odd) throw new Error(`migration "${odd}" does not follow NNNN_name.sql, or a number is missing before it`);
  return files;
}

/**
 * Applies those of `files` that a schema has not got yet, and makes the schema where it is missing. Series must be installed.
 * @returns the files that were applied now.
 */
export async function applyMigrations(
  transaction: Statements,
  schema: string,
  folder: URL,
  files: readonly string[],
): Promise<string[]> {
  await transaction.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
  const table = `"${schema}".migration`;
  await transaction.query(
    `CREATE TABLE IF NOT EXISTS ${table} (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const { rows } = await transaction.query<{ name: string }>(`SELECT name FROM ${table}`);
  const applied = new Set(rows.map((row) => row.name));
  const missing = files.filter((name) => !applied.has(name));
  for (const file of missing) {
    await transaction.query(await readFile(new URL(file, folder), 'utf8'));
    await transaction.query(`INSERT INTO ${table} (name) VALUES ($1)`, [file]);
  }
  return missing;
}

/** Those of `files` that a schema has not got yet: all of them where it is not there. */
async function missingMigrations(postgres: Postgres, schema: string, files: readonly string[]): Promise<string[]> {
  const table = `"${schema}".migration`;
  const [found] = (
    await postgres.query<{ there: boolean }>('migrations.look', 'SELECT to_regclass($1) IS NOT NULL AS there', [table])
  ).rows;
  if (!found?.there) return [...files];
  const { rows } = await postgres.query<{ name: string }>('migrations.list', `SELECT name FROM ${table}`);
  const applied = new Set(rows.map(({ name }) => name));
  return files.filter((name) => !applied.has(name));
}

/**
 * Brings a service's schema up to date, in the background and for as long as it takes: a database that is away at the
 * start is waited for. Files are `NNNN_name.sql`, forward only; each runs once, all in one transaction. Where somebody else
 * brings all schemas up to date before a roll-out, it waits for that instead.
 */
export class Migrations implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #ready = false;
  /** Whether somebody else has still to apply migrations. */
  #isBehind = false;
  #running: Promise<void> | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #preparations: (() => Promise<void>)[] = [];

  /**
   * @param schema the schema that the service owns; the migration table lies in it.
   * @param folder where the files are.
   * @param mode `own` applies them; `wait` waits until somebody else has.
   */
  constructor(
    private readonly postgres: Postgres,
    private readonly schema: string,
    private readonly folder: URL,
    private readonly mode: 'own' | 'wait' = 'own',
  ) {
    this.#log = createLogger(postgres.options.service, 'migrations');
  }

  /** Whether the schema is up to date. */
  get ready(): boolean {
    return this.#ready;
  }

  /** What is waited for, in one sentence; undefined when the schema is ready. */
  get waitingFor(): string | undefined {
    if (this.#ready) return undefined;
    return this.#isBehind
      ? `Database waits for the migrations of version ${version}`
      : 'Database is being brought up to date';
  }

  onApplicationBootstrap(): void {
    this.#running = this.#runUntilDone();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Calls `use` as soon as the schema is ready; once, also when it is so already. */
  whenReady(use: () => void): void {
    if (this.#ready) use();
    else this.#waiting.push(use);
  }

  /** Adds what must be done with an up-to-date schema before it counts as ready; done again at every start. */
  prepare(work: () => Promise<void>): void {
    this.#preparations.push(work);
  }

  /**
   * Brings the schema up to date now.
   * @returns the files that were applied.
   */
  async run(): Promise<string[]> {
    const files = await migrationFiles(this.folder);
    const applied = await this.postgres.transaction('migrations.run', async (transaction) => {
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      await installSeries(transaction);
      return applyMigrations(transaction, this.schema, this.folder, files);
    });
    for (const file of applied) this.#log.info({ file }, 'migration applied');
    await this.#prepare();
    return applied;
  }

  async #prepare(): Promise<void> {
    for (const prepare of this.#preparations) await prepare();
    this.#isBehind = false;
    this.#ready = true;
    for (const use of this.#waiting.splice(0)) use();
  }

  /** Returns whether all migrations are there by now. Those that this version does not know are of a later one, beside which it may run. */
  async #look(): Promise<boolean> {
    const missing = await missingMigrations(this.postgres, this.schema, await migrationFiles(this.folder));
    if (missing.length === 0) {
      await this.#prepare();
      return true;
    }
    if (!this.#isBehind) this.#log.info({ version, missing: missing.length }, 'waiting until migrations are applied');
    this.#isBehind = true;
    return false;
  }

  async #runUntilDone(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        if (this.mode === 'own') return void (await this.run());
        if (await this.#look()) return;
        await this.#pause(LOOK_MS);
      } catch (error) {
        if (attempt % 20 === 0) this.#log.warn({ error: describeError(error) }, 'waiting for the database');
        await this.#pause(Math.min(50 * 2 ** Math.min(attempt, 5), 1000));
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}
