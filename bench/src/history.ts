// (c) History of one host and of 100, asked over the bus; (e) bytes a metric on disk.
import { Bus } from '@lapwing/bus';
import { historyGet } from '@lapwing/contracts';
import { loadConfig } from '@lapwing/metrics-store/config';
import { MetricsStoreModule } from '@lapwing/metrics-store/metrics-store.module';
import { Migrations } from '@lapwing/postgres';
import { MaintenanceStore } from '@lapwing/metrics-store/store/maintenance.store';
import { NatsServer, createDatabase, databaseKinds, eventually, type DatabaseKind } from '@lapwing/testing';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';
import { line, median, thousands } from './report.js';

const HOSTS = 100;
const EVERY_SECONDS = 30;
const HOUR = 3_600_000;
const COLUMNS = 23;

const series = `generate_series(date_trunc('hour', now()) - interval '167 hours', now(), interval '${EVERY_SECONDS} seconds')`;
const fill = `INSERT INTO metrics.host_sample
  SELECT h, t, row_number() OVER (PARTITION BY h ORDER BY t), 5000 + 4000 * sin(extract(epoch FROM t) / 300 + h) + 900 * random(),
    50 * random(), 40 * random(), 30 * random(), 5000 + 1000 * sin(extract(epoch FROM t) / 3000 + h), 17179869184,
    8e9 + 1e9 * random(), 8e9 + 1e9 * random(), 1e9, 3e9 + 1e7 * random(), 4e9, 0, 2000, 5e11, 1e11 + 4096 * random(),
    1e6 * random(), 3e6 * random(), 2e6 * random(), 1e6 * random(), 40 + 10 * random(), 200 + 5 * random(), extract(epoch FROM t) - 1.7e9,
    4500 + 500 * random()
  FROM generate_series(1, ${HOSTS}) AS h, ${series} AS t`;

async function rollUp(client: pg.Client, kind: DatabaseKind, store: MaintenanceStore): Promise<void> {
  if (kind === 'plain') {
    await client.query(`UPDATE lapwing.rollup SET watermark = now() - interval '8 days'`);
    await store.refreshRollups();
    return;
  }
  for (const suffix of ['1m', '5m', '1h'])
    await client.query(
      `CALL refresh_continuous_aggregate('metrics.host_sample_${suffix}', NULL, now() - interval '2 minutes')`,
    );
}

async function bytesOf(client: pg.Client, kind: DatabaseKind): Promise<number> {
  const plain = `SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes FROM pg_inherits WHERE inhparent = 'metrics.host_sample'::regclass`;
  const timescale = `SELECT hypertable_size('metrics.host_sample') AS bytes`;
  const { rows } = await client.query<{ bytes: number }>(kind === 'plain' ? plain : timescale);
  return Number(rows[0]?.bytes);
}

async function measure(kind: DatabaseKind): Promise<void> {
  const nats = await NatsServer.start();
  const database = await createDatabase(kind);
  const config = loadConfig({ NATS_URL: nats.url, DATABASE_URL: database.url, METRICS_STORE_RAW_DAYS: '10' });
  const app = await NestFactory.createApplicationContext(MetricsStoreModule.register(config), { logger: false });
  await eventually(() => app.get(Migrations).ready);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `INSERT INTO metrics.resource (kind, agent_id, name) SELECT 'host', 'bench-' || h, '' FROM generate_series(1, ${HOSTS}) AS h ORDER BY h`,
  );
  await client.query(`SELECT lapwing.ensure_partitions('metrics.host_sample', now() - interval '8 days', now())`);
  const { rowCount } = await client.query(fill);
  await rollUp(client, kind, app.get(MaintenanceStore));
  await client.query('ANALYZE');
  const bus = new Bus({ service: 'bench', servers: nats.url });
  bus.onModuleInit();
  await eventually(() => bus.online);
  const now = Date.now();
  const metrics = ['cpu' as const, 'memory' as const, 'disk' as const, 'temperature' as const];
  const ask = async (agentIds: string[] | null, hours: number, step: number): Promise<number> => {
    const times = [];
    for (let run = 0; run < 15; run++) {
      const begun = performance.now();
      await bus.request(historyGet, { agentIds, metrics, from: now - hours * HOUR, to: now, step });
      times.push(performance.now() - begun);
    }
    return median(times);
  };
  const rows = rowCount ?? 0;
  line(
    `${kind}: 24 h of one host at 5 min (of ${thousands(rows)} rows)`,
    `${(await ask(['bench-7'], 24, 300)).toFixed(1)} ms`,
  );
  line(`${kind}: 7 d of 100 hosts at 1 h`, `${(await ask(null, 168, 3600)).toFixed(1)} ms`);
  line(`${kind}: 1 h of one host as it was taken`, `${(await ask(['bench-7'], 1, 0)).toFixed(1)} ms`);
  line(
    `${kind}: bytes a metric on disk, with the index`,
    (await bytesOf(client, kind)) ? ((await bytesOf(client, kind)) / rows / COLUMNS).toFixed(2) : '?',
  );
  if (kind === 'timescale') {
    await client.query(
      `SELECT compress_chunk(c, if_not_compressed => true) FROM show_chunks('metrics.host_sample') AS c`,
    );
    line(`${kind}: the same, compressed`, ((await bytesOf(client, kind)) / rows / COLUMNS).toFixed(2));
    line(
      `${kind}: 24 h of one host in steps of 90 s, compressed, from the samples`,
      `${(await ask(['bench-7'], 24, 90)).toFixed(1)} ms`,
    );
  }
  await bus.onApplicationShutdown();
  await client.end();
  await app.close();
  await database.drop();
  await nats.stop();
}

for (const kind of databaseKinds()) await measure(kind);
process.exit(0);
