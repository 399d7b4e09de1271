// (n) What measuring the pipeline costs a sample, and how soon a day of it is summed up.
import { Bus } from '@lapwing/bus';
import {
  defaultAlertConfig,
  eventSubject,
  hostSampled,
  pipelineGet,
  readEvent,
  type HostSample,
  type PayloadOf,
} from '@lapwing/contracts';
import { Partition } from '@lapwing/alerting/services/partition';
import { PipelineService } from '@lapwing/alerting/services/pipeline.service';
import { loadConfig } from '@lapwing/metrics-store/config';
import { MetricsStoreModule } from '@lapwing/metrics-store/metrics-store.module';
import { PipelineStore } from '@lapwing/metrics-store/store/pipeline.store';
import { Migrations, Postgres } from '@lapwing/postgres';
import { NatsServer, createDatabase, eventually } from '@lapwing/testing';
import { NestFactory } from '@nestjs/core';
import { loadavg } from 'node:os';
import { line, median, thousands } from './report.js';
import { wanderingSample } from './samples.js';

const HOSTS = 500;
const ROUNDS = 40;
const RUNS = 7;

const PROCESSES = 2;
const DIFFERENT = 300;

const nats = await NatsServer.start();
const bus = new Bus({ service: 'bench', servers: nats.url, streams: 'make' });
bus.onModuleInit();
await eventually(() => bus.online);

measureSamples();
await measureDay();
line(
  'load average of the machine over 1, 5 and 15 min',
  loadavg()
    .map((load) => load.toFixed(1))
    .join(', '),
);
await bus.onApplicationShutdown();
await nats.stop();
process.exit(0);

/** Reads and judges samples with and without measuring, in turns; nothing else is different. */
function measureSamples(): void {
  const results: Record<'without' | 'with', number[]> = { without: [], with: [] };
  for (let run = -1; run < RUNS; run++)
    for (const kind of run % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
      const us = judgeAll(kind === 'with' ? new PipelineService(bus, '0a1b2c3d4e5f') : undefined);
      if (run >= 0) results[kind].push(us);
    }
  const [without, measured] = [median(results.without), median(results.with)];
  line('a sample read, checked and judged', `${without.toFixed(1)} µs`);
  line('  and measured', `${measured.toFixed(1)} µs, ${(measured / without).toFixed(3)} of that`);
  const pipeline = new PipelineService(bus, '0a1b2c3d4e5f');
  const alone = Array.from({ length: RUNS }, () => measureAlone(pipeline));
  line('measuring alone', `${median(alone).toFixed(0)} ns a sample`);
}

/** @returns microseconds a sample. */
function judgeAll(pipeline: PipelineService | undefined): number {
  const taken = { position: 0, state: {}, updatedAt: 0 };
  const partition = new Partition(0, defaultAlertConfig, taken, []);
  const base = Date.now();
  const messages = Array.from({ length: HOSTS }, (_, host) => JSON.stringify(batchOf(host, base)));
  let spent = 0;
  for (let round = 0; round < ROUNDS; round++)
    for (const [host, message] of messages.entries()) {
      const text = message.replace(`"time":${base}`, `"time":${base + round}`);
      const startedAt = performance.now();
      judge(partition, `bench-${host}`, text, pipeline);
      spent += performance.now() - startedAt;
    }
  return (spent * 1000) / (HOSTS * ROUNDS);
}

function judge(partition: Partition, agentId: string, text: string, pipeline: PipelineService | undefined): void {
  const read = readEvent(hostSampled, eventSubject(hostSampled, agentId), text);
  const [sample] = 'payload' in read ? read.payload.samples : [];
  if (!sample) throw new Error('no sample');
  if (!pipeline) {
    partition.sample(agentId, [], sample);
    return;
  }
  const beganAt = performance.now();
  const changes = partition.sample(agentId, [], sample);
  const judgedMs = performance.now() - beganAt;
  const { time: takenAt, collectMs } = sample;
  if (!changes) throw new Error('judged before');
  pipeline.judged({ takenAt, storedAt: takenAt, collectMs, judgedMs, changes });
}

/** @returns nanoseconds a sample. */
function measureAlone(pipeline: PipelineService): number {
  const COUNT = 200_000;
  const takenAt = Date.now();
  const startedAt = performance.now();
  for (let at = 0; at < COUNT; at++) {
    const beganAt = performance.now();
    const judgedMs = performance.now() - beganAt + (at % 997) / 1000;
    pipeline.judged({ takenAt, storedAt: takenAt, collectMs: 5 + (at % 251) / 10, judgedMs, changes: [] });
  }
  return ((performance.now() - startedAt) * 1e6) / COUNT;
}

function batchOf(host: number, time: number): PayloadOf<typeof hostSampled> {
  const sample: HostSample = { ...wanderingSample(1, time, host), collectMs: 11.5 };
  return { agentId: `bench-${host}`, outbox: '0a1b2c3d4e5f', samples: [sample] };
}

/** A day of two processes that measure much, asked over the bus, before and after its hours are summed up. */
async function measureDay(): Promise<void> {
  const database = await createDatabase('plain');
  const config = loadConfig({ NATS_URL: nats.url, DATABASE_URL: database.url });
  const app = await NestFactory.createApplicationContext(MetricsStoreModule.register(config), { logger: false });
  await eventually(() => app.get(Migrations).ready);
  const postgres = app.get(Postgres);
  const store = app.get(PipelineStore);
  await fill(postgres);
  const ask = async (): Promise<string> => {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      const startedAt = performance.now();
      await bus.request(pipelineGet, { windowMinutes: 1440 });
      times.push(performance.now() - startedAt);
    }
    return `${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)})`;
  };
  const values = PROCESSES * 3 * 1440 * DIFFERENT;
  line(`a day of ${PROCESSES} processes, ${thousands(values)} different values by minute`, await ask());
  for (let step = 0; step < 8; step++) await store.sumUp(new Date(Date.now() - 2 * 86_400_000));
  line('  with its hours summed up', await ask());
  const hour: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const startedAt = performance.now();
    await bus.request(pipelineGet, { windowMinutes: 60 });
    hour.push(performance.now() - startedAt);
  }
  line('  the last hour', `${median(hour).toFixed(0)} ms`);
  await app.close();
  await database.drop();
}

/** Each minute of each busy measure has so many different values, which wander with the minutes. */
async function fill(postgres: Postgres): Promise<void> {
  await postgres.query(
    'bench.partitions',
    `SELECT lapwing.ensure_partitions('metrics.pipeline_sample', now() - interval '2 days', now())`,
  );
  await postgres.query(
    'bench.fill',
    `WITH m AS (
       INSERT INTO metrics.pipeline_measure (process, measure, seen_at)
       SELECT lpad(to_hex(p), 12, '0'), unnest(ARRAY['watch', 'detect', 'watchToDetect']), now() FROM generate_series(1, $1::int) p RETURNING id
     )
     INSERT INTO metrics.pipeline_sample
     SELECT m.id, date_trunc('minute', now()) - make_interval(mins => n), 3 * $2::int, 1000, 1, 900,
       ARRAY(SELECT (v + n % 60)::float8 / 10 FROM generate_series(100, 99 + $2::int) v), array_fill(3, ARRAY[$2::int])
     FROM m, generate_series(0, 1439) n`,
    [PROCESSES, DIFFERENT],
  );
  await postgres.query('bench.analyze', 'ANALYZE');
}
