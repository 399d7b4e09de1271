// (o) A cleanup of a million samples: how long it takes, and what becomes of samples that come meanwhile.
import { Bus } from '@lapwing/bus';
import {
  addCleanupCounts,
  cleanupRun,
  hostSampled,
  noCleanupCounts,
  samplesStored,
  type CleanupCounts,
} from '@lapwing/contracts';
import { loadConfig } from '@lapwing/metrics-store/config';
import { MetricsStoreModule } from '@lapwing/metrics-store/metrics-store.module';
import { Migrations } from '@lapwing/postgres';
import { NatsServer, createDatabase, databaseKinds, eventually, hostSample, type DatabaseKind } from '@lapwing/testing';
import { NestFactory } from '@nestjs/core';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { line, percentile, thousands } from './report.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ROWS = 1_000_000;
const EVERY_MS = 20;
const run = cleanupRun('metrics-store');

/** A million rows a day: of a day that goes as a whole, and of one that goes but for an hour. */
const fill = `INSERT INTO metrics.host_sample (resource_id, time, seq, cpu, memory, memory_total, memory_used, disk, network_rx_rate, network_tx_rate)
  SELECT 1000 + n % 100, $1::timestamptz + (n / 100) * interval '8 seconds', n, 5000, 4000, 17179869184, 8e9, 3000, 1e6, 1e6
  FROM generate_series(0, ${ROWS} - 1) n`;

async function measure(kind: DatabaseKind): Promise<void> {
  const nats = await NatsServer.start();
  const database = await createDatabase(kind);
  const config = loadConfig({ NATS_URL: nats.url, DATABASE_URL: database.url });
  const app = await NestFactory.createApplicationContext(MetricsStoreModule.register(config), { logger: false });
  await eventually(() => app.get(Migrations).ready);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const bus = new Bus({ service: 'bench', servers: nats.url });
  bus.onModuleInit();
  await eventually(() => bus.online);
  const today = Math.floor(Date.now() / DAY) * DAY;
  await client.query(`SELECT lapwing.ensure_partitions('metrics.host_sample', now() - interval '6 days', now())`);

  const clean = async (before: number, dryRun: boolean): Promise<CleanupCounts> => {
    let counts = noCleanupCounts;
    let after: string | null = null;
    do {
      const answer: { counts: CleanupCounts; next: string | null } = await bus.request(run, { before, dryRun, after });
      counts = addCleanupCounts(counts, answer.counts);
      after = answer.next;
    } while (after !== null);
    return counts;
  };
  const meanwhile = await stream(bus);
  const timed = async (what: string, work: () => Promise<CleanupCounts>): Promise<void> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    meanwhile.waits.length = 0;
    const begun = performance.now();
    const { samples } = await work();
    const seconds = ((performance.now() - begun) / 1000).toFixed(2);
    const [p99, most] = [percentile(meanwhile.waits, 0.99).toFixed(0), Math.max(...meanwhile.waits, 0).toFixed(0)];
    const loop = (delay.max / 1e6).toFixed(0);
    line(
      `${kind}: ${what}`,
      `${thousands(samples)} rows in ${seconds} s; loop ${loop} ms; stored after p99 ${p99} / most ${most} ms`,
    );
  };
  await timed('nothing to do', async () => {
    await pause(5000);
    return clean(today - 6 * DAY, true);
  });
  for (const [what, day, line_] of [
    ['a whole partition', today - 5 * DAY, today - 4 * DAY],
    ['a part of a partition', today - 4 * DAY, today - 3 * DAY - HOUR],
  ] as const) {
    await client.query(fill, [new Date(day)]);
    await timed(`${what}, dry run`, () => clean(line_, true));
    await timed(`${what}, deleted`, () => clean(line_, false));
  }
  await meanwhile.stop();
  await bus.onApplicationShutdown();
  await client.end();
  await app.close();
  await database.drop();
  await nats.stop();
}

/** Samples of a host, one each 20 ms, and how long each took until it was stored, in milliseconds. */
async function stream(bus: Bus) {
  const waits: number[] = [];
  const sentAt = new Map<number, number>();
  bus.listen(samplesStored, 'bench', ({ ranges }) => {
    for (const [first, last] of ranges)
      for (let seq = first; seq <= last; seq++) {
        waits.push(performance.now() - (sentAt.get(seq) ?? Number.NaN));
        sentAt.delete(seq);
      }
  });
  let seq = 0;
  const timer = setInterval(() => {
    sentAt.set(++seq, performance.now());
    const samples = [hostSample(seq, Date.now())];
    void bus.publish(hostSampled, 'bench', { agentId: 'bench', outbox: '0a1b2c3d4e5f', samples });
  }, EVERY_MS);
  await eventually(() => waits.length > 50);
  return {
    waits,
    stop: async (): Promise<void> => {
      clearInterval(timer);
      await eventually(() => sentAt.size === 0);
    },
  };
}

for (const kind of databaseKinds()) await measure(kind);
process.exit(0);
