// (l) Lines of logs from JetStream to the committed row, sustained over ten million of them, beside COPY of the same rows; then searches in them.
import { Bus } from '@lapwing/bus';
import {
  logCollected,
  logentryCount,
  logentryList,
  logvolumeGet,
  logLevels,
  logsStored,
  type LogEntry,
  type LogFilter,
} from '@lapwing/contracts';
import { NatsServer, createDatabase, databaseKinds, eventually, type DatabaseKind } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { lineMaker } from './log-lines.js';
import { memoryOf, processorOf } from './processes.js';
import { line, median, thousands } from './report.js';

const LINES = Number(process.env['BENCH_LOG_LINES'] ?? 10_000_000);
const COPIED = 400_000;
const A_BATCH = 500;
const AGENTS = 20;
const OUTBOX = '0a1b2c3d4e5f';
/** Lines that may be under way: more would only fill the stream. */
const AHEAD = 60_000;
const WINDOW_MS = 30_000;
const RARE_EVERY = 1_000_003;
const RUNS = 15;

/** Lines that lie half a millisecond apart and end now. */
function timeOf(number: number, end: number): number {
  return Math.floor(end - (LINES - number) / 2);
}

const isRare = (number: number): boolean => number % RARE_EVERY === RARE_EVERY >> 1;
const rareWord = (number: number): string => `zebracorn${Math.floor(number / RARE_EVERY)}`;

function startStore(nats: string, database: string): ChildProcess {
  const main = fileURLToPath(new URL('../../apps/log-store/dist/main.js', import.meta.url));
  const env = { ...process.env, NATS_URL: nats, DATABASE_URL: database };
  return spawn(process.execPath, [main], { env, stdio: 'inherit' });
}

async function copyRate(url: string, indexes: string[]): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`DROP TABLE IF EXISTS copied;
    CREATE TABLE copied (time timestamptz NOT NULL, seq bigint NOT NULL, stream_id integer NOT NULL, line smallint NOT NULL, level smallint NOT NULL, message text NOT NULL, fields jsonb)`);
  for (const index of indexes) await client.query(`CREATE INDEX ON copied ${index}`);
  const make = lineMaker(7);
  const now = Date.now();
  const pieces: string[] = [];
  for (let at = 0; at < COPIED; at += 5000) {
    const rows = Array.from({ length: 5000 }, (_, index) => {
      const entry = make(at + index, timeOf(at + index, now));
      const time = new Date(entry.time).toISOString();
      return `${time}\t${at}\t${entry.name.length + (index % 40)}\t${index % 1000}\t${logLevels.indexOf(entry.level)}\t${entry.message}\t\\N\n`;
    });
    pieces.push(rows.join(''));
  }
  const begun = performance.now();
  for (const piece of pieces) {
    const stream = client.query(copyFrom('COPY copied FROM STDIN'));
    stream.end(piece);
    await once(stream, 'finish');
  }
  const rate = (COPIED / (performance.now() - begun)) * 1000;
  await client.query('DROP TABLE copied');
  await client.end();
  return rate;
}

/** Sends all lines as fast as they are stored, and looks how fast that is. */
async function ingest(bus: Bus, store: ChildProcess) {
  let stored = 0;
  bus.listen(logsStored, '*', ({ ranges }) => {
    for (const [first, last] of ranges) stored += (last - first + 1) * A_BATCH;
  });
  const make = lineMaker(42);
  const end = Date.now();
  const seqs = Array.from({ length: AGENTS }, () => 0);
  const marks: { at: number; stored: number }[] = [];
  const watch = setInterval(() => marks.push({ at: performance.now(), stored }), 1000);
  const begun = performance.now();
  const cpu = processorOf(store.pid ?? 0);
  const sending = new Set<Promise<unknown>>();
  for (let at = 0; at < LINES; at += A_BATCH) {
    const agent = (at / A_BATCH) % AGENTS;
    const entries = Array.from({ length: A_BATCH }, (_, index): LogEntry => {
      const entry = make(at + index, timeOf(at + index, end));
      return isRare(at + index) ? { ...entry, message: `${entry.message} ${rareWord(at + index)}` } : entry;
    });
    const agentId = `bench-${agent}`;
    const batch = { seq: ++seqs[agent]!, time: Date.now(), entries };
    const sent = bus.publish(logCollected, agentId, { agentId, outbox: OUTBOX, batches: [batch] });
    sending.add(sent);
    void sent.finally(() => sending.delete(sent));
    if (sending.size >= 16) await Promise.race(sending);
    await eventually(() => at - stored <= AHEAD, 60_000);
  }
  await eventually(() => stored >= LINES, 600_000);
  const took = performance.now() - begun;
  clearInterval(watch);
  const windows = marks.flatMap((mark) => {
    const later = marks.find(({ at }) => at >= mark.at + WINDOW_MS);
    return later ? [((later.stored - mark.stored) / (later.at - mark.at)) * 1000] : [];
  });
  return {
    rate: (LINES / took) * 1000,
    worst: Math.min(...windows, (LINES / took) * 1000),
    cpu: ((processorOf(store.pid ?? 0) - cpu) / took) * 100_000,
    megabytes: memoryOf(store.pid ?? 0),
    end,
  };
}

/** Waits until every closed partition has its text indexes. Returns how many seconds that took. */
async function indexed(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const begun = performance.now();
  await eventually(async () => {
    const { rows } = await client.query<{ missing: string }>(
      'SELECT count(*) AS missing FROM logs.segments() WHERE NOT indexed AND isfinite(ends)',
    );
    await pause(1000);
    return rows[0]?.missing === '0';
  }, 900_000);
  await client.end();
  return (performance.now() - begun) / 1000;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    await work();
    times.push(performance.now() - begun);
  }
  return median(times);
}

async function searches(bus: Bus, end: number): Promise<void> {
  const blank: LogFilter = {
    agentId: null,
    source: null,
    name: null,
    levels: null,
    query: null,
    pattern: null,
    stream: null,
    from: null,
    to: null,
  };
  let rare = 0;
  const list = (filter: Partial<LogFilter>) =>
    bus.request(logentryList, { filter: { ...blank, ...filter }, limit: 100 });
  const questions: [string, () => Promise<unknown>][] = [
    [
      'a rare word (another one each time)',
      () => list({ query: `zebracorn${rare++ % Math.floor(LINES / RARE_EVERY)}` }),
    ],
    ['a part of a rare word', () => list({ query: 'bracorn1' })],
    ['a common word', () => list({ query: 'timeout' })],
    ['two words, one level, one unit', () => list({ query: 'disk full', levels: ['error'], name: 'unit-7.service' })],
    ['a pattern (no word of which helps)', () => list({ pattern: 'took=1\\d{3}ms$', levels: ['error'] })],
    ['the newest of one unit', () => list({ name: 'unit-7.service' })],
    ['how many there are altogether', () => bus.request(logentryCount, { filter: blank })],
    ['how many have a common word', () => bus.request(logentryCount, { filter: { ...blank, query: 'timeout' } })],
    [
      'a histogram of all, by minute',
      () => bus.request(logvolumeGet, { filter: { ...blank, from: timeOf(0, end), to: end + 1000 }, step: 60 }),
    ],
  ];
  for (const [name, ask] of questions) line(`  ${name}`, `${(await timed(ask)).toFixed(1)} ms`);
}

async function measure(kind: DatabaseKind): Promise<void> {
  const nats = await NatsServer.start();
  const database = await createDatabase(kind);
  const btrees = ['(time, seq, line, stream_id)', '(stream_id, time, seq, line)'];
  const texts = [`USING gin (to_tsvector('simple', message))`, 'USING gin (message gin_trgm_ops)'];
  const bare = await copyRate(database.url, btrees);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_trgm');
  await client.end();
  const full = await copyRate(database.url, [...btrees, ...texts]);
  const store = startStore(nats.url, database.url);
  const bus = new Bus({ service: 'bench', servers: nats.url });
  bus.onModuleInit();
  await eventually(() => bus.online, 20_000);
  await eventually(() => bus.request(logentryCount, { filter: {} }), 60_000);
  const result = await ingest(bus, store);
  line(`${kind}: COPY of such rows, two btrees`, `${thousands(bare)} lines/s`);
  line(`${kind}: COPY of such rows, two btrees and both text indexes`, `${thousands(full)} lines/s`);
  line(`${kind}: JetStream to committed row, ${thousands(LINES)} lines`, `${thousands(result.rate)} lines/s`);
  line('  the worst half minute', `${thousands(result.worst)} lines/s`);
  line('  of COPY with the same indexes', (result.rate / full).toFixed(2));
  line('  log-store', `${result.cpu.toFixed(0)} % of a core, ${result.megabytes.toFixed(0)} MB`);
  const built = await indexed(database.url);
  line('  text indexes of all but the open partition, after the last line', `${built.toFixed(0)} s later`);
  line(`${kind}: searches in ${thousands(LINES)} lines, over the bus, median of ${RUNS}`, '');
  await searches(bus, result.end);
  await bus.onApplicationShutdown();
  store.kill('SIGTERM');
  await once(store, 'exit');
  await database.drop();
  await nats.stop();
}

for (const kind of databaseKinds()) await measure(kind);
process.exit(0);
