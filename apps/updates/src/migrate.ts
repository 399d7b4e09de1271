// Brings the schemas of all services to where this version needs them, before it runs: `node apps/updates/dist/migrate.js`.
import { Migrations, Postgres } from '@lapwing/postgres';
import { describeError } from '@lapwing/telemetry';
import { loadConfig } from './config.js';
import { serviceSchemas } from './domain/schemas.js';

const postgres = new Postgres({
  service: 'updates',
  url: loadConfig().DATABASE_URL.reveal(),
  poolSize: 1,
  statementTimeoutMs: 300_000,
});
try {
  for (const { app, schema } of serviceSchemas)
    await new Migrations(postgres, schema, new URL(`../../${app}/migrations/`, import.meta.url)).run();
} catch (error) {
  process.stderr.write(`${describeError(error).message}\n`);
  process.exitCode = 1;
} finally {
  await postgres.onApplicationShutdown();
}
