import { Bus, EventFeed } from '@lapwing/bus';
import { deliveryGet, hostSampled, type OutputOf, type PayloadOf, type SeqRange } from '@lapwing/contracts';
import { NatsServer, eventually, hostFigures } from '@lapwing/testing';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeliveryService } from '../src/services/delivery.service';
import { sampleFreight } from '../src/services/freight';
import { Outbox, type SampleBody } from '../src/store/outbox';

const figures = { ...hostFigures(), stale: [] };

describe('delivery', () => {
  let nats: NatsServer;
  let folder: string;
  let bus: Bus;
  let outbox: Outbox;
  let delivery: DeliveryService<SampleBody>;
  let received: PayloadOf<typeof hostSampled>[];
  let feed: EventFeed<typeof hostSampled>;

  beforeEach(async () => {
    nats = await NatsServer.start();
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-delivery-'));
    bus = new Bus({
      service: 'metrics-store',
      servers: '',
      agent: { id: 'web-1', door: () => ({ servers: nats.url, credentials: null }) },
    });
    bus.onModuleInit();
    await eventually(() => bus.online);
    received = [];
    feed = new EventFeed(bus, hostSampled, ({ payload }) => received.push(payload));
    feed.start();
    outbox = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'boot', now: Date.now() });
    delivery = new DeliveryService(bus, 'web-1', outbox, sampleFreight, { doubtAfterMs: 300 });
    delivery.start();
  });
  afterEach(async () => {
    await delivery.stop();
    await outbox.close();
    await feed.stop();
    await bus.onApplicationShutdown();
    await nats.stop();
    await rm(folder, { recursive: true });
  });

  const take = async (): Promise<void> => {
    const { record, entry } = await outbox.append(figures, Date.now());
    await delivery.sendLive(record, entry);
  };
  const seqs = (): number[] => received.flatMap((batch) => batch.samples.map((sample) => sample.seq));

  it('sends a sample at once, one a message, and keeps it until it is confirmed', async () => {
    await take();
    await take();
    await eventually(() => expect(received.map((batch) => batch.samples.length)).toEqual([1, 1]));
    expect(outbox.size).toBe(2);
    await delivery.confirmed({ outbox: outbox.id, ranges: [[1, 2]] });
    expect(outbox.size).toBe(0);
  });

  it('takes on when the bus is away, and sends it later, many a message', async () => {
    await nats.kill();
    await eventually(() => !bus.online);
    for (let count = 0; count < 30; count++) await take();
    await nats.run();
    await eventually(() => expect(seqs()).toHaveLength(30));
    expect(seqs()).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(received.length).toBeLessThan(5);
  });

  it('confirms nothing of another outbox', async () => {
    await take();
    await delivery.confirmed({ outbox: 'ffffffffffff', ranges: [[1, 1]] });
    expect(outbox.size).toBe(1);
  });

  it.each<[string, OutputOf<typeof deliveryGet>, number]>([
    ['forgets what turns out to be stored', { stored: [[1, 1]] as SeqRange[], handledUpTo: 9, streamEnd: 9 }, 0],
    ['waits for what is still in the stream', { stored: [], handledUpTo: 0, streamEnd: 9 }, 1],
  ])('asks about what was never confirmed, and %s', async (_, answer, left) => {
    let asked = 0;
    bus.respondToAgents(deliveryGet, async () => {
      asked++;
      return answer;
    });
    await take();
    await eventually(() => expect(asked).toBeGreaterThan(0));
    await eventually(() => expect(outbox.size).toBe(left));
    expect(new Set(seqs())).toEqual(new Set([1]));
    expect(received).toHaveLength(1);
  });

  it('tells a gap until it is noted, though the sample that told it is stored', async () => {
    await take();
    await delivery.stop();
    const again = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'boot', now: Date.now() + 1000 });
    // The sample was stored before the kill; the message that tells the gap was never handled.
    bus.respondToAgents(deliveryGet, async () => ({ stored: [[1, 1]] as SeqRange[], handledUpTo: 9, streamEnd: 9 }));
    const second = new DeliveryService(bus, 'web-1', again, sampleFreight, { doubtAfterMs: 300 });
    second.start();
    await eventually(() => expect(again.size).toBe(0));
    expect(again.gaps.map((gap) => gap.cause)).toEqual(['collector_killed']);
    await second.stop();
    await again.close();
  });

  it('sends again what the stream lost', async () => {
    bus.respondToAgents(deliveryGet, async () => ({ stored: [], handledUpTo: 1, streamEnd: 1 }));
    await take();
    await eventually(() => expect(seqs()).toEqual([1, 1]));
  });

  it('tells gaps with the next sample, until they are confirmed', async () => {
    await take();
    await delivery.stop();
    const again = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'boot', now: Date.now() + 1000 });
    const second = new DeliveryService(bus, 'web-1', again, sampleFreight);
    const { record, entry } = await again.append(figures, Date.now() + 1000);
    await second.sendLive(record, entry);
    await eventually(() => expect(received.at(-1)?.gaps?.map((gap) => gap.cause)).toEqual(['collector_killed']));
    // The sample may be stored from another message, one that told no gap.
    await second.confirmed({ outbox: again.id, ranges: [[2, 2]] });
    const next = await again.append(figures, Date.now() + 2000);
    await second.sendLive(next.record, next.entry);
    await eventually(() => expect(received.at(-1)?.samples[0]?.seq).toBe(3));
    expect(received.at(-1)?.gaps?.map((gap) => gap.cause)).toEqual(['collector_killed']);
    await second.confirmed({ outbox: again.id, ranges: [[3, 3]], gaps: received.at(-1)?.gaps });
    expect(again.gaps).toEqual([]);
    await again.close();
  });

  it('tells a gap also with samples that went out before a kill', async () => {
    await take();
    await eventually(() => expect(received).toHaveLength(1));
    await delivery.stop();
    const again = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'boot', now: Date.now() + 1000 });
    const second = new DeliveryService(bus, 'web-1', again, sampleFreight);
    second.start();
    await eventually(() => expect(received.at(-1)?.gaps?.map((gap) => gap.cause)).toEqual(['collector_killed']));
    await second.stop();
    await again.close();
  });

  it('tells that a gap has grown, when the collector ended again before it took a sample', async () => {
    await take();
    await delivery.stop();
    await outbox.close();
    for (const seconds of [1, 2]) {
      const to = Date.now() + seconds * 1000;
      const again = await Outbox.open({ folder, maxBytes: 2 ** 26, bootId: 'boot', now: to });
      const next = new DeliveryService(bus, 'web-1', again, sampleFreight);
      next.start();
      await eventually(() => expect(received.at(-1)?.gaps?.at(-1)?.to).toBe(to));
      await next.stop();
      await again.close();
    }
    const told = received.at(-1)?.gaps ?? [];
    expect(new Set(told.map(({ from, cause }) => `${from} ${cause}`)).size).toBe(1);
  });

  it('puts aside a sample that cannot be read, and sends the others', async () => {
    await delivery.stop();
    for (let count = 0; count < 5; count++) await outbox.append(figures, Date.now() + count);
    const entries = [...outbox.waiting()];
    const [, second] = entries;
    if (!second) throw new Error('nothing waits');
    // The disk gives something else than was written.
    const file = await open(path.join(folder, second.segment.file), 'r+');
    await file.write('x'.repeat(20), second.offset);
    await file.close();
    const again = new DeliveryService(bus, 'web-1', outbox, sampleFreight);
    again.start();
    await eventually(() => expect(seqs()).toEqual([1, 3, 4, 5]));
    await again.stop();
  });
});
