// (j) What would have been told: alert rules over a month of 500 hosts.
import { Migrations, Postgres } from '@lapwing/postgres';
import { createDatabase, eventually } from '@lapwing/testing';
import { DAYS, HOSTS, fill } from './replay-data.js';
import { measureReplay } from './replay-measure.js';
import { line, thousands } from './report.js';

const database = await createDatabase('plain');
const postgres = new Postgres({ service: 'bench', url: database.url });
const folder = new URL('../../apps/metrics-store/migrations/', import.meta.url);
const migrations = new Migrations(postgres, 'metrics', folder);
migrations.onApplicationBootstrap();
await eventually(() => migrations.ready, 60_000);
const begun = performance.now();
const rows = await fill(database.url, new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000));
line(
  `made ${DAYS} days of ${HOSTS} hosts: rows of minutes, seconds`,
  `${thousands(rows)}, ${((performance.now() - begun) / 1000).toFixed(0)}`,
);
await measureReplay(database.url, DAYS);
await postgres.onApplicationShutdown();
await database.drop();
process.exit(0);
