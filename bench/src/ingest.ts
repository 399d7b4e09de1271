// (a) Samples per second from JetStream to committed row, beside two limits measured in the same run: the same consumer
// without a database, and binary COPY of the same rows into the same tables without a bus.
import { Bus, BusServer, OnEvent, type Delivery } from '@lapwing/bus';
import { hostSampled, type HostSample, type PayloadOf } from '@lapwing/contracts';
import { loadConfig } from '@lapwing/metrics-store/config';
import { hostValues, partRows, sampleTables } from '@lapwing/metrics-store/domain/tables';
import { MetricsStoreModule } from '@lapwing/metrics-store/metrics-store.module';
import { Migrations, Postgres } from '@lapwing/postgres';
import { NatsServer, createDatabase, databaseKinds, eventually, type DatabaseKind } from '@lapwing/testing';
import { NestFactory } from '@nestjs/core';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { copyRows } from './copy.js';
import { line, median, thousands } from './report.js';
import { wanderingSample } from './samples.js';

const HOSTS = 100;
const RUNS = 3;
const OUTBOX = '0a1b2c3d4e5f';

/** How samples come: how many there are, and how many a message carries. */
interface Load {
  name: string;
  samples: number;
  aMessage: number;
  /** Milliseconds between two samples of a host, and how long ago the last was taken. */
  spacing: number;
  ago: number;
}
const loads: Load[] = [
  { name: 'live, one sample a message', samples: 20_000, aMessage: 1, spacing: 100, ago: 0 },
  { name: 'back-fill, 150 samples a message', samples: 60_000, aMessage: 150, spacing: 1000, ago: 3_600_000 },
];

interface Message {
  agentId: string;
  samples: HostSample[];
}

function messagesOf({ samples, aMessage, spacing, ago }: Load): Message[] {
  const each = samples / HOSTS;
  const end = Date.now() - ago;
  const messages: Message[] = [];
  for (let from = 1; from <= each; from += aMessage)
    for (let host = 1; host <= HOSTS; host++)
      messages.push({
        agentId: `bench-${host}`,
        samples: Array.from({ length: aMessage }, (_, index) =>
          wanderingSample(from + index, end - (each - from - index) * spacing, host),
        ),
      });
  return messages;
}

async function publish(bus: Bus, messages: Message[]): Promise<void> {
  const window = 128;
  for (let at = 0; at < messages.length; at += window)
    await Promise.all(
      messages
        .slice(at, at + window)
        .map((message) => bus.publish(hostSampled, message.agentId, { ...message, outbox: OUTBOX })),
    );
}

async function connected(url: string): Promise<Bus> {
  const bus = new Bus({ service: 'bench', servers: url });
  bus.onModuleInit();
  await eventually(() => bus.online);
  return bus;
}

/** Samples per second, from the first look at which some were done to the one at which all were. */
async function rate(total: number, done: () => Promise<number> | number): Promise<number> {
  let first: { at: number; count: number } | undefined;
  for (;;) {
    const count = await done();
    const at = performance.now();
    if (count > 0) first ??= { at, count };
    if (first && count >= total) return ((count - first.count) / (at - first.at)) * 1000;
    await pause(20);
  }
}

class Counting {
  count = 0;

  @OnEvent(hostSampled, { durable: 'bench', maxBatch: 1000 })
  async sampled(batch: Delivery<PayloadOf<typeof hostSampled>>[]): Promise<void> {
    for (const { payload } of batch) this.count += payload.samples.length;
  }
}

async function withoutDatabase(load: Load): Promise<number> {
  const nats = await NatsServer.start();
  const bus = await connected(nats.url);
  await publish(bus, messagesOf(load));
  const counting = new Counting();
  const server = new BusServer(bus, [counting]);
  server.onApplicationBootstrap();
  const result = await rate(load.samples, () => counting.count);
  await server.onModuleDestroy();
  await bus.onApplicationShutdown();
  await nats.stop();
  return result;
}

async function migrated(kind: DatabaseKind) {
  const database = await createDatabase(kind);
  const postgres = new Postgres({ service: 'bench', url: database.url });
  await new Migrations(postgres, 'metrics', new URL('../../apps/metrics-store/migrations/', import.meta.url)).run();
  await postgres.onApplicationShutdown();
  return database;
}

/** Binary COPY in batches of 1,000 samples, with nothing else: no ledger, no newest samples, no check for doubles. */
async function withoutBus(load: Load, kind: DatabaseKind): Promise<number> {
  const database = await migrated(kind);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const samples = messagesOf(load).flatMap(({ agentId, samples: own }) => own.map((sample) => ({ agentId, sample })));
  const ids = new Map(
    [...new Set(samples.map(({ agentId }) => agentId))].map((agentId, index) => [agentId, index * 3 + 1]),
  );
  for (const { name } of Object.values(sampleTables))
    await client.query('SELECT lapwing.ensure_partitions($1, $2, now())', [
      name,
      new Date(samples[0]?.sample.time ?? 0),
    ]);
  const begun = performance.now();
  for (let at = 0; at < samples.length; at += 1000) {
    const batch = samples.slice(at, at + 1000).map(({ agentId, sample }) => ({ id: ids.get(agentId) ?? 0, sample }));
    await client.query('BEGIN');
    await copyRows(
      client,
      sampleTables.host,
      batch.map(({ id, sample }) => [id, sample.time, ...hostValues(sample)]),
    );
    for (const [offset, kindOfPart] of [
      [1, 'disk'],
      [2, 'interface'],
    ] as const)
      await copyRows(
        client,
        sampleTables[kindOfPart],
        batch.flatMap(({ id, sample }) =>
          partRows(sample)
            .filter((part) => part.kind === kindOfPart)
            .map((part) => [id + offset, sample.time, ...part.values]),
        ),
      );
    await client.query('COMMIT');
  }
  const result = (samples.length / (performance.now() - begun)) * 1000;
  await client.end();
  await database.drop();
  return result;
}

async function whole(load: Load, kind: DatabaseKind): Promise<{ rate: number; blockedMs: number }> {
  const nats = await NatsServer.start();
  const database = await migrated(kind);
  const bus = await connected(nats.url);
  await publish(bus, messagesOf(load));
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const config = loadConfig({ NATS_URL: nats.url, DATABASE_URL: database.url });
  const app = await NestFactory.createApplicationContext(MetricsStoreModule.register(config), { logger: false });
  delay.enable();
  const result = await rate(load.samples, async () => {
    const { rows } = await client.query<{ n: number }>(
      'SELECT coalesce(sum(stored), 0)::integer AS n FROM metrics.ledger_hour',
    );
    return rows[0]?.n ?? 0;
  });
  delay.disable();
  await app.close();
  await client.end();
  await bus.onApplicationShutdown();
  await database.drop();
  await nats.stop();
  return { rate: result, blockedMs: delay.max / 1e6 };
}

/** The middle of several runs, after one that warms up. */
const several = async (measure: () => Promise<number>): Promise<number> => {
  const results: number[] = [];
  await measure();
  for (let run = 0; run < RUNS; run++) results.push(await measure());
  return median(results);
};

for (const load of loads) {
  const bare = await several(() => withoutDatabase(load));
  line(`${load.name}: consumer without a database`, `${thousands(bare)} samples/s`);
  for (const kind of databaseKinds()) {
    const copied = await several(() => withoutBus(load, kind));
    const blocked: number[] = [];
    const stored = await several(async () => {
      const result = await whole(load, kind);
      blocked.push(result.blockedMs);
      return result.rate;
    });
    line(`${load.name}: binary COPY without a bus, ${kind}`, `${thousands(copied)} samples/s`);
    line(`${load.name}: JetStream to committed row, ${kind}`, `${thousands(stored)} samples/s`);
    line('  as a share of the lower limit', (stored / Math.min(bare, copied)).toFixed(2));
    line('  longest stop of the event loop, median of the runs', `${median(blocked).toFixed(0)} ms`);
  }
}
process.exit(0);
