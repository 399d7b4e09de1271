// Plays many hosts at once, each with the collector's own enrolment, outbox and delivery, over a connection of its own: it asks to be
// let in, is approved, and samples. SIGTERM: takes no more samples, and ends when each is confirmed, printing a line of JSON
// for each host. SIGUSR2: prints `{"confirmed":n,"waiting":n}`.
import { Bus } from '@lapwing/bus';
import { DeliveryService } from '@lapwing/collector/services/delivery.service';
import { EnrollmentService } from '@lapwing/collector/services/enrollment.service';
import { Outbox } from '@lapwing/collector/store/outbox';
import { agentReported, hostParts, samplesStored } from '@lapwing/contracts';
import { hostFigures } from '@lapwing/testing';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const { LAPWING_URL = '', LAPWING_TOKEN = '', SIMULATED_DATA_DIR = '' } = process.env;
const { SIMULATED_HOSTS = '100', SIMULATED_INTERVAL = '1', SIMULATED_NAME = 'simulated' } = process.env;
const INTERVAL_MS = Number(SIMULATED_INTERVAL) * 1000;
const REPORT_MS = 30_000;
const ENROLL_AT_ONCE = 20;

interface Host {
  agentId: string;
  bus: Bus;
  outbox: Outbox;
  delivery: DeliveryService;
}

const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

async function approve(agentId: string): Promise<void> {
  const route = `/api/v1/agents/pending/${agentId}/approve`;
  await fetch(new URL(route, LAPWING_URL), { method: 'POST', headers: { authorization: `Bearer ${LAPWING_TOKEN}` } });
}

/** Asks to be let in as a host does, and approves as an administrator does. */
async function enroll(agentId: string, folder: string): Promise<EnrollmentService> {
  const enrollment = new EnrollmentService({
    agentId,
    name: undefined,
    folder,
    url: LAPWING_URL,
    token: undefined,
    allowHttp: true,
    natsUrl: '',
    facts: {
      hostname: agentId,
      architecture: 'amd64',
      os: 'linux',
      version: '0.1.0',
      machine: createHash('sha256').update(agentId).digest('hex'),
    },
  });
  await enrollment.onApplicationBootstrap();
  for (let tries = 0; !enrollment.door() && tries < 600; tries++) {
    if (tries % 10 === 1) await approve(agentId);
    await pause(100);
  }
  return enrollment;
}

async function begin(number: number): Promise<Host> {
  const agentId = `${SIMULATED_NAME}-${number}`;
  const folder = path.join(SIMULATED_DATA_DIR, agentId);
  const enrollment = await enroll(agentId, folder);
  const outbox = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'simulated', now: Date.now() });
  const agent = { id: agentId, door: () => enrollment.door() };
  const bus = new Bus({ service: 'collector', servers: '', streams: 'ignore', agent });
  bus.onModuleInit();
  bus.connection.whenShutOut(() => enrollment.lookAgain());
  const delivery = new DeliveryService(bus, agentId, outbox, { doubtAfterMs: 5000 });
  delivery.start();
  bus.listen(samplesStored, agentId, (news) => void delivery.confirmed(news));
  const report = {
    agentId,
    instance: randomBytes(8).toString('hex'),
    version: '0.1.0',
    hostname: agentId,
    startedAt: Date.now(),
    refreshInterval: Math.max(INTERVAL_MS / 1000, 1),
    sources: [...hostParts],
    logSources: [],
    unsupported: [],
  };
  bus.connection.whenLinked(() => bus.announce(agentReported, agentId, report));
  setInterval(() => bus.announce(agentReported, agentId, report), REPORT_MS).unref();
  return { agentId, bus, outbox, delivery };
}

async function play({ outbox, delivery }: Host, offset: number): Promise<void> {
  await pause(offset);
  while (!stopping.signal.aborted) {
    const time = Date.now();
    const use = Math.round((50 + 50 * Math.sin(time / 60_000)) * 100) / 100;
    const figures = hostFigures({ cpu: { ...hostFigures().cpu, totalUsage: use } });
    const { sample, entry } = await outbox.append({ ...figures, stale: [] }, time);
    void delivery.sendLive(sample, entry);
    await pause(Math.max(time + INTERVAL_MS - Date.now(), 1));
  }
}

const hosts: Host[] = [];
for (let first = 1; first <= Number(SIMULATED_HOSTS); first += ENROLL_AT_ONCE) {
  const numbers = Array.from({ length: ENROLL_AT_ONCE }, (_, index) => first + index);
  const begun = numbers.filter((number) => number <= Number(SIMULATED_HOSTS)).map(begin);
  hosts.push(...(await Promise.all(begun)));
}
process.on('SIGUSR2', () => {
  const waiting = hosts.reduce((sum, { outbox }) => sum + outbox.size, 0);
  const taken = hosts.reduce((sum, { outbox }) => sum + outbox.nextSeq - 1, 0);
  process.stdout.write(`${JSON.stringify({ confirmed: taken - waiting, waiting })}\n`);
});
process.stdout.write('sampling\n');

await Promise.all(hosts.map((host, index) => play(host, (index / hosts.length) * INTERVAL_MS)));
while (hosts.some(({ outbox }) => outbox.size > 0)) await pause(100);
for (const { agentId, outbox, delivery, bus } of hosts) {
  await delivery.stop();
  await outbox.close();
  process.stdout.write(`${JSON.stringify({ agentId, outbox: outbox.id, taken: outbox.nextSeq - 1 })}\n`);
  void bus.onApplicationShutdown();
}
process.exit(0);
