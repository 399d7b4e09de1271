// (d) What the collector costs as a process of its own, beside systeminformation alone that reads the same kinds of figures.
import { NatsServer } from '@lapwing/testing';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { line } from './report.js';

const WARM_UP_MS = 15_000;
const MEASURED_MS = 60_000;
const TICKS_A_SECOND = 100;

/** Processor time of a process so far, in seconds; and that of its children that have ended. */
function secondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').map(Number) ?? [];
  return [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0) / TICKS_A_SECOND;
}

const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

async function measure(args: string[], environment: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...environment } });
  const pid = child.pid ?? 0;
  await pause(WARM_UP_MS);
  const before = secondsOf(pid);
  await pause(MEASURED_MS);
  const share = ((secondsOf(pid) - before) / (MEASURED_MS / 1000)) * 100;
  const resident = residentOf(pid);
  child.kill('SIGTERM');
  await once(child, 'exit');
  return `${share.toFixed(2)} % of a core, ${resident.toFixed(0)} MB`;
}

const file = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const collector = JSON.parse(process.env['LAPWING_COLLECTOR_COMMAND'] ?? '{}') as {
  args: string[];
  env: Record<string, string>;
};
for (const seconds of [5, 1]) {
  const nats = await NatsServer.start();
  const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-bench-'));
  const environment = {
    NATS_URL: nats.url,
    COLLECTOR_INTERVAL: String(seconds),
    COLLECTOR_DATA_DIR: folder,
    NODE_ENV: 'production',
  };
  line(`collector, every ${seconds} s`, await measure(collector.args, { ...environment, ...collector.env }));
  line(
    `systeminformation alone, every ${seconds} s`,
    await measure([file('./systeminformation.js')], { SECONDS: String(seconds) }),
  );
  await nats.stop();
  await rm(folder, { recursive: true });
}
process.exit(0);
