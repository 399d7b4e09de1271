// Plays many hosts at once, each with the collector's own enrolment, outbox and delivery. SIGTERM: takes no more samples, and ends
// when each is confirmed, printing a line of JSON for each host. With SIMULATED_SWING hosts are busy and idle in turns of so many seconds.
import { agentReported, hostParts } from '@lapwing/contracts';
import { hostFigures } from '@lapwing/testing';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { beginAgent, type SimulatedAgent } from './agents.js';

const {
  SIMULATED_DATA_DIR = '',
  SIMULATED_HOSTS = '100',
  SIMULATED_INTERVAL = '1',
  SIMULATED_SWING = '',
} = process.env;
const INTERVAL_MS = Number(SIMULATED_INTERVAL) * 1000;
const REPORT_MS = 30_000;
const ENROLL_AT_ONCE = 20;

const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

/** Says what it runs, as an agent does. */
function report({ agentId, bus }: SimulatedAgent): void {
  const settings = { refreshInterval: Math.max(INTERVAL_MS / 1000, 1), sources: [...hostParts], logSources: [] };
  const run = { instance: randomBytes(8).toString('hex'), startedAt: Date.now(), unsupported: [] };
  const said = { agentId, version: '0.1.0', hostname: agentId, ...settings, ...run };
  bus.connection.whenLinked(() => bus.announce(agentReported, agentId, said));
  setInterval(() => bus.announce(agentReported, agentId, said), REPORT_MS).unref();
}

/** How busy a host is, percent. */
function busy(time: number, index: number): number {
  const swing = Number(SIMULATED_SWING);
  if (swing > 0) return Math.floor(time / 1000 / swing + index / 2) % 2 === 0 ? 10 : 90;
  return Math.round((50 + 50 * Math.sin(time / 60_000)) * 100) / 100;
}

async function play({ outbox, delivery }: SimulatedAgent, index: number): Promise<void> {
  await pause((index / hosts.length) * INTERVAL_MS);
  while (!stopping.signal.aborted) {
    const time = Date.now();
    const figures = hostFigures({ cpu: { ...hostFigures().cpu, totalUsage: busy(time, index) } });
    const { record, entry } = await outbox.append({ ...figures, stale: [] }, time);
    void delivery.sendLive(record, entry);
    await pause(Math.max(time + INTERVAL_MS - Date.now(), 1));
  }
}

const hosts: SimulatedAgent[] = [];
for (let first = 1; first <= Number(SIMULATED_HOSTS); first += ENROLL_AT_ONCE) {
  const count = Math.min(ENROLL_AT_ONCE, Number(SIMULATED_HOSTS) - first + 1);
  const begun = Array.from({ length: count }, (_, index) =>
    beginAgent(`simulated-${first + index}`, SIMULATED_DATA_DIR),
  );
  hosts.push(...(await Promise.all(begun)));
}
for (const host of hosts) report(host);
process.stdout.write('sampling\n');

await Promise.all(hosts.map((host, index) => play(host, index)));
while (hosts.some(({ outbox }) => outbox.size > 0)) await pause(100);
for (const { agentId, outbox, delivery, bus } of hosts) {
  await delivery.stop();
  await outbox.close();
  process.stdout.write(`${JSON.stringify({ agentId, outbox: outbox.id, taken: outbox.nextSeq - 1 })}\n`);
  void bus.onApplicationShutdown();
}
process.exit(0);
