// (g) What many hosts cost fleet: 1,000 simulated agents, a sample every 5 s each, each over a connection of its own, for 5 minutes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { memoryOf, processorOf } from './processes.js';
import { line, median, thousands } from './report.js';

const {
  LAPWING_URL = '',
  LAPWING_TOKEN = '',
  FLEET_HOSTS = '1000',
  FLEET_SECONDS = '300',
  SERVICE_PIDS = '{}',
} = process.env;
const LOOK_MS = 10_000;
const pids = JSON.parse(SERVICE_PIDS) as Record<string, number>;

const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-fleet-'));
const simulator = spawn(process.execPath, [path.join(import.meta.dirname, 'fleet-simulator.js')], {
  env: { ...process.env, SIMULATED_HOSTS: FLEET_HOSTS, SIMULATED_INTERVAL: '5', SIMULATED_DATA_DIR: folder },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let printed = '';
simulator.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
const beganAt = performance.now();
while (!printed.includes('sampling')) {
  if (simulator.exitCode !== null) throw new Error('the simulator ended');
  await pause(200);
}
line(
  `${FLEET_HOSTS} agents enrolled, approved and connected, each with a key of its own`,
  `${thousands((performance.now() - beganAt) / 1000)} s`,
);

await pause(LOOK_MS);
const startedAt = performance.now();
const before = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, processorOf(pid)]));
const sizes: Record<string, number[]> = Object.fromEntries(Object.keys(pids).map((name) => [name, []]));
while (performance.now() - startedAt < Number(FLEET_SECONDS) * 1000) {
  for (const [name, pid] of Object.entries(pids)) sizes[name]?.push(memoryOf(pid));
  await pause(LOOK_MS);
}
const seconds = (performance.now() - startedAt) / 1000;
for (const [name, pid] of Object.entries(pids)) {
  const percent = ((processorOf(pid) - (before[name] ?? 0)) / seconds) * 100;
  const all = sizes[name] ?? [];
  const tenth = Math.max(Math.floor(all.length / 10), 1);
  const growth = median(all.slice(-tenth)) - median(all.slice(0, tenth));
  line(
    `${name}: processor, memory at the end, growth over ${Math.round(seconds)} s`,
    `${percent.toFixed(1)} % of a core, ${Math.round(all.at(-1) ?? 0)} MB, ${growth.toFixed(1)} MB`,
  );
}
const answer = await fetch(`${LAPWING_URL}/api/v1/agents`, { headers: { authorization: `Bearer ${LAPWING_TOKEN}` } });
const { agents } = (await answer.json()) as { agents: { status: string }[] };
line(
  'agents that are online at the end',
  `${agents.filter(({ status }) => status === 'online').length} of ${agents.length}`,
);
simulator.kill('SIGTERM');
await once(simulator, 'exit');
const taken = printed.split('\n').filter((text) => text.startsWith('{'));
const total = taken.reduce((sum, text) => sum + (JSON.parse(text) as { taken: number }).taken, 0);
line('samples taken and confirmed, all of them', `${thousands(total)} of ${taken.length} agents`);
await rm(folder, { recursive: true, force: true });
process.exit(0);
