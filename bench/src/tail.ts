// (m) From the writing of a line into a file to its event at a client of the live stream, and how fast one file comes into the database.
import { eventually } from '@lapwing/testing';
import { spawn } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lineMaker } from './log-lines.js';
import { memoryOf, processorOf } from './processes.js';
import { line, percentile, thousands } from './report.js';

const MARKS = 300;
const EVERY_MS = 100;
/** Lines a second beside the marks, in a file of their own. */
const BESIDE = 2000;
const FLOOD = 1_000_000;
const AGENT = 'bench-logs';
const { NATS_URL = '', LAPWING_URL = '', LAPWING_TOKEN = '', LAPWING_COLLECTOR_COMMAND = '' } = process.env;
const headers = { authorization: `Bearer ${LAPWING_TOKEN}` };

const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-bench-'));
const [marks, noise, flood] = ['marks', 'noise', 'flood'].map((name) => path.join(folder, 'logs', `${name}.log`)) as [
  string,
  string,
  string,
];
await mkdir(path.join(folder, 'logs'));
await mkdir(path.join(folder, 'collector'));
const settings = {
  refreshInterval: 1,
  sources: ['system', 'cpu', 'memory'],
  logSources: [{ kind: 'file', path: path.join(folder, 'logs/*.log') }],
};
await writeFile(path.join(folder, 'collector/settings.json'), JSON.stringify(settings));
const { args, env } = JSON.parse(LAPWING_COLLECTOR_COMMAND) as { args: string[]; env: Record<string, string> };
const collector = spawn(process.execPath, args, {
  env: {
    ...process.env,
    ...env,
    NATS_URL,
    // Not to be asked to be let in: here NATS lets everybody in.
    LAPWING_URL: '',
    COLLECTOR_AGENT_ID: AGENT,
    COLLECTOR_DATA_DIR: path.join(folder, 'collector'),
    COLLECTOR_LOG_FOLDERS: folder,
    COLLECTOR_LOG_LINES_PER_SECOND: '1000000',
  },
  stdio: 'inherit',
});

const written = new Map<string, number>();
const arrived: number[] = [];
async function follow(): Promise<void> {
  const answer = await fetch(`${LAPWING_URL}/api/v1/logs/stream?source_name=${encodeURIComponent(marks)}`, { headers });
  for await (const chunk of answer.body ?? []) {
    const now = performance.now();
    for (const [mark] of Buffer.from(chunk as Uint8Array)
      .toString()
      .matchAll(/mark-\d+/g)) {
      const since = written.get(mark);
      if (since !== undefined) arrived.push(now - since);
      written.delete(mark);
    }
  }
}

const total = async (name: string): Promise<number> => {
  const answer = await fetch(`${LAPWING_URL}/api/v1/logs?limit=1&source_name=${encodeURIComponent(name)}`, { headers });
  return ((await answer.json()) as { total: number }).total;
};

// The collector is there when a first line has come.
await eventually(async () => {
  await appendFile(marks, 'begin\n');
  await pause(500);
  return (await total(marks)) > 0;
}, 60_000);
void follow();
await pause(1000);
const make = lineMaker(3);
const cpu = processorOf(collector.pid ?? 0);
const begun = performance.now();
for (let number = 1; number <= MARKS; number++) {
  const lines = Array.from({ length: (BESIDE * EVERY_MS) / 1000 }, () => `${make(number, 0).message}\n`);
  await appendFile(noise, lines.join(''));
  written.set(`mark-${number}`, performance.now());
  await appendFile(marks, `mark-${number}\n`);
  await pause(Math.max(begun + number * EVERY_MS - performance.now(), 1));
}
await eventually(() => written.size === 0, 5000).catch(() => {});
const share = ((processorOf(collector.pid ?? 0) - cpu) / (performance.now() - begun)) * 100_000;
line(`line written to event at a client, beside ${BESIDE} lines/s, p50`, `${percentile(arrived, 0.5).toFixed(0)} ms`);
line('  p99', `${percentile(arrived, 0.99).toFixed(0)} ms`);
line('  events that came, of those written', `${arrived.length} of ${MARKS}`);
line('  the collector meanwhile', `${share.toFixed(1)} % of a core, ${memoryOf(collector.pid ?? 0).toFixed(0)} MB`);

const block = Array.from({ length: 10_000 }, (_, index) => `${make(index, 0).message}\n`).join('');
const start = performance.now();
for (let count = 0; count < FLOOD; count += 10_000) await appendFile(flood, block);
await eventually(async () => (await total(flood)) >= FLOOD, 300_000);
line(
  `${thousands(FLOOD)} lines of one file, written at once, to the database`,
  `${thousands((FLOOD / (performance.now() - start)) * 1000)} lines/s`,
);
line('  the collector afterwards', `${memoryOf(collector.pid ?? 0).toFixed(0)} MB`);
collector.kill('SIGTERM');
await new Promise((resolve) => collector.once('exit', resolve));
await rm(folder, { recursive: true });
process.exit(0);
