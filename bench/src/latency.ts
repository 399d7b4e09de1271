// (b) From the instant at which a sample was taken to its event at a client of the live stream: 100 hosts, a sample a second each.
import { Bus } from '@lapwing/bus';
import { DeliveryService } from '@lapwing/collector/services/delivery.service';
import { sampleFreight } from '@lapwing/collector/services/freight';
import { Outbox } from '@lapwing/collector/store/outbox';
import { samplesStored } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { line, percentile } from './report.js';
import { wanderingSample } from './samples.js';

const HOSTS = 100;
const SECONDS = 60;
const { NATS_URL = '', LAPWING_URL = '', LAPWING_TOKEN = '' } = process.env;

const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-bench-'));
const bus = new Bus({ service: 'collector', servers: NATS_URL });
bus.onModuleInit();
await eventually(() => bus.online);

const taken = new Map<string, number>();
const arrived: number[] = [];
const follow = async (): Promise<void> => {
  const answer = await fetch(`${LAPWING_URL}/api/v1/stream`, { headers: { authorization: `Bearer ${LAPWING_TOKEN}` } });
  let rest = '';
  for await (const chunk of answer.body ?? []) {
    const now = performance.now();
    rest += Buffer.from(chunk as Uint8Array).toString();
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const key = `${/"agent_id":"([^"]+)"/.exec(event)?.[1]} ${/"seq":(\d+)\}/.exec(event)?.[1]}`;
      const since = taken.get(key);
      if (since !== undefined) arrived.push(now - since);
      taken.delete(key);
    }
  }
};
void follow();

async function play(number: number): Promise<void> {
  const agentId = `bench-${number}`;
  const outbox = await Outbox.open({
    folder: path.join(folder, agentId),
    maxBytes: 2 ** 24,
    bootId: 'bench',
    now: Date.now(),
  });
  const delivery = new DeliveryService(bus, agentId, outbox, sampleFreight);
  delivery.start();
  bus.listen(samplesStored, agentId, (news) => void delivery.confirmed(news));
  await pause((number / HOSTS) * 1000);
  for (let seq = 1; seq <= SECONDS; seq++) {
    const time = Date.now();
    taken.set(`${agentId} ${outbox.nextSeq}`, performance.now());
    const { seq: _seq, time: _time, ...figures } = wanderingSample(seq, time, number);
    const { record, entry } = await outbox.append(figures, time);
    void delivery.sendLive(record, entry);
    await pause(Math.max(time + 1000 - Date.now(), 1));
  }
  await delivery.stop();
  await outbox.close();
}
await Promise.all(Array.from({ length: HOSTS }, (_, index) => play(index + 1)));
await eventually(() => taken.size === 0, 5000).catch(() => {});
line(`sample taken to event at a client, ${HOSTS} hosts at 1 s, p50`, `${percentile(arrived, 0.5).toFixed(1)} ms`);
line('  p99', `${percentile(arrived, 0.99).toFixed(1)} ms`);
line('  events that came, of those taken', `${arrived.length} of ${HOSTS * SECONDS}`);
await bus.onApplicationShutdown();
await rm(folder, { recursive: true });
process.exit(0);
