// Plays many hosts at once, with the collector's own outbox and delivery: a sample a second each.
// SIGTERM: takes no more samples, and ends when each is confirmed, printing a line of JSON for each host.
import { Bus } from '@lapwing/bus';
import { DeliveryService } from '@lapwing/collector/services/delivery.service';
import { Outbox } from '@lapwing/collector/store/outbox';
import { samplesStored } from '@lapwing/contracts';
import { hostFigures } from '@lapwing/testing';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const { NATS_URL = '', SIMULATED_HOSTS = '100', SIMULATED_DATA_DIR = '' } = process.env;
const SECOND = 1000;

interface Host {
  agentId: string;
  outbox: Outbox;
  delivery: DeliveryService;
}

const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());

const bus = new Bus({ service: 'collector', servers: NATS_URL });
bus.onModuleInit();
const hosts: Host[] = [];
for (let number = 1; number <= Number(SIMULATED_HOSTS); number++) {
  const agentId = `simulated-${number}`;
  const folder = path.join(SIMULATED_DATA_DIR, agentId);
  const outbox = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'simulated', now: Date.now() });
  const delivery = new DeliveryService(bus, agentId, outbox, { doubtAfterMs: 5000 });
  delivery.start();
  bus.listen(samplesStored, agentId, (news) => void delivery.confirmed(news));
  hosts.push({ agentId, outbox, delivery });
}
process.stdout.write('sampling\n');

async function play({ outbox, delivery }: Host, offset: number): Promise<void> {
  await pause(offset);
  while (!stopping.signal.aborted) {
    const time = Date.now();
    const use = Math.round((50 + 50 * Math.sin(time / 60_000)) * 100) / 100;
    const figures = hostFigures({ cpu: { ...hostFigures().cpu, totalUsage: use } });
    const { sample, entry } = await outbox.append({ ...figures, stale: [] }, time);
    void delivery.sendLive(sample, entry);
    await pause(Math.max(time + SECOND - Date.now(), 1));
  }
}

await Promise.all(hosts.map((host, index) => play(host, (index / hosts.length) * SECOND)));
while (hosts.some(({ outbox }) => outbox.size > 0)) await pause(100);
for (const { agentId, outbox, delivery } of hosts) {
  await delivery.stop();
  await outbox.close();
  process.stdout.write(`${JSON.stringify({ agentId, outbox: outbox.id, taken: outbox.nextSeq - 1 })}\n`);
}
await bus.onApplicationShutdown();
process.exit(0);
