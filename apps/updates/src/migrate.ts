// Brings the schemas of all services to where this version needs them, before it runs: `node apps/updates/dist/migrate.js [--wait SECONDS]`.
// Waits for a database that is not there yet, five minutes where nothing is said. Harmless to run again.
import { Migrations, Postgres } from '@lapwing/postgres';
import { describeError } from '@lapwing/telemetry';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from './config.js';
import { serviceSchemas } from './domain/schemas.js';

const AGAIN_MS = 1000;

/** Tries until the database is there, or time is up. */
async function whenThere<T>(work: () => Promise<T>, until: number): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await work();
    } catch (error) {
      const isAway = describeError(error).code === 'UNAVAILABLE';
      if (!isAway || performance.now() > until) throw error;
      if (isFirst) process.stdout.write('waiting for the database\n');
      await pause(AGAIN_MS);
    }
  }
}

/** Says what was applied, schema by schema. */
async function migrateAll(postgres: Postgres, until: number): Promise<void> {
  let count = 0;
  for (const { app, schema } of serviceSchemas) {
    const migrations = new Migrations(postgres, schema, new URL(`../../${app}/migrations/`, import.meta.url));
    const applied = await whenThere(() => migrations.run(), until);
    for (const file of applied) process.stdout.write(`${schema}: ${file} applied\n`);
    count += applied.length;
  }
  process.stdout.write(count === 0 ? 'all schemas were up to date\n' : `${count} migrations applied\n`);
}

let postgres: Postgres | undefined;
try {
  const { values } = parseArgs({ options: { wait: { type: 'string', default: '300' } } });
  const waitMs = Number(values.wait) * 1000;
  if (!(waitMs >= 0)) throw new Error('--wait wants seconds');
  const url = loadConfig().DATABASE_URL.reveal();
  postgres = new Postgres({ service: 'updates', url, poolSize: 1, statementTimeoutMs: 300_000 });
  await migrateAll(postgres, performance.now() + waitMs);
} catch (error) {
  process.stderr.write(`${describeError(error).message}\n`);
  process.exitCode = 1;
} finally {
  await postgres?.onApplicationShutdown();
}
