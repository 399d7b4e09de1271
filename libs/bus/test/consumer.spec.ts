import { Bus, BusServer, OnEvent, consumerProgress, type Delivery } from '@lapwing/bus';
import { LapwingError, hostSampled, type PayloadOf } from '@lapwing/contracts';
import { NatsServer, eventually, hostSample } from '@lapwing/testing';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';

type Batch = Delivery<PayloadOf<typeof hostSampled>>[];

/** A service that handles samples in the way that a test wants. */
class Handler {
  handled: number[] = [];
  batches: number[] = [];
  before: (seqs: number[]) => Promise<void> = async () => {};

  @OnEvent(hostSampled, { durable: 'test', maxBatch: 50, maxDeliver: 3, ackWaitMs: 2000 })
  async sampled(batch: Batch): Promise<void> {
    const seqs = batch.flatMap((delivery) => delivery.payload.samples.map((sample) => sample.seq));
    await this.before(seqs);
    this.handled.push(...seqs);
    this.batches.push(batch.length);
  }
}

describe('a durable consumer', () => {
  let nats: NatsServer;
  let collector: Bus;
  const running: { bus: Bus; server: BusServer }[] = [];

  const serve = (handler: Handler): { bus: Bus; server: BusServer } => {
    const bus = new Bus({ service: 'test', servers: nats.url });
    const server = new BusServer(bus, [handler]);
    bus.onModuleInit();
    server.onApplicationBootstrap();
    running.push({ bus, server });
    return { bus, server };
  };
  const stop = async ({ bus, server }: { bus: Bus; server: BusServer }): Promise<void> => {
    await server.onModuleDestroy();
    await bus.onApplicationShutdown();
  };
  const send = async (from: number, to: number): Promise<void> => {
    for (let seq = from; seq <= to; seq++)
      await eventually(() =>
        collector.publish(
          hostSampled,
          'web-1',
          { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples: [hostSample(seq, Date.now())] },
          `web-1:${seq}`,
        ),
      );
  };
  const until = (handler: Handler, count: number): Promise<boolean> =>
    eventually(() => handler.handled.length >= count);
  const numbers = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const dead = async (): Promise<number> => {
    const connection = await connect({ servers: nats.url });
    try {
      return (await (await jetstreamManager(connection)).streams.info('DEAD')).state.messages;
    } finally {
      await connection.close();
    }
  };

  beforeEach(async () => {
    nats = await NatsServer.start();
    collector = new Bus({ service: 'collector', servers: nats.url });
    collector.onModuleInit();
    await eventually(() => collector.online);
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map(stop));
    await collector.onApplicationShutdown();
    await nats.stop();
  });

  it('hands over everything in order, also what came while the service was away', async () => {
    await send(1, 60);
    const handler = new Handler();
    serve(handler);
    await until(handler, 60);
    await send(61, 70);
    await until(handler, 70);
    expect(handler.handled).toEqual(numbers(1, 70));
    expect(Math.max(...handler.batches)).toBeLessThanOrEqual(50);
    expect(Math.max(...handler.batches)).toBeGreaterThan(1);
  });

  it('keeps a batch while what it depends on is away, without losing or burying any', async () => {
    const handler = new Handler();
    let away = true;
    handler.before = async () => {
      if (away) throw new LapwingError('UNAVAILABLE', 'the database is away');
    };
    serve(handler);
    await send(1, 20);
    setTimeout(() => (away = false), 700);
    await until(handler, 20);
    expect(handler.handled.toSorted((a, b) => a - b)).toEqual(numbers(1, 20));
    expect(await dead()).toBe(0);
  });

  it('buries the one message that is to blame, with the reason, and handles its neighbours once', async () => {
    const handler = new Handler();
    handler.before = async (seqs) => {
      if (seqs.includes(7)) throw new Error('seven is poison');
    };
    await send(1, 12);
    serve(handler);
    await until(handler, 11);
    await eventually(async () =>
      expect(await deadReason(nats.url, 1)).toEqual({
        reason: 'seven is poison',
        consumer: 'test',
        subject: 'dead.evt.host.sampled.v1.web-1',
      }),
    );
    expect(handler.handled.toSorted((a, b) => a - b)).toEqual([...numbers(1, 6), ...numbers(8, 12)]);
    await send(13, 13);
    await until(handler, 12);
  });

  it('buries what is no message of the contract, and handles the next one', async () => {
    const connection = await connect({ servers: nats.url });
    connection.publish('evt.host.sampled.v1.web-1', 'no JSON');
    connection.publish('evt.host.sampled.v1.web-1', JSON.stringify({ agentId: 'web-1', samples: [] }));
    await connection.drain();
    await send(1, 1);
    const handler = new Handler();
    const { bus } = serve(handler);
    await until(handler, 1);
    await eventually(async () => expect(await dead()).toBe(2));
    expect((await deadReason(nats.url, 1))?.reason).toBe('the payload is not JSON');
    expect((await deadReason(nats.url, 2))?.reason).toContain('outbox');
    await eventually(async () => expect((await consumerProgress(bus, hostSampled, 'test')).handledUpTo).toBe(3));
  });

  it('buries a message that takes its handler down each time, when the last delivery is over', async () => {
    await send(1, 1);
    const raw = await connect({ servers: nats.url });
    const manager = await jetstreamManager(raw);
    const handler = new Handler();
    const first = serve(handler);
    await until(handler, 1);
    await stop(running.splice(running.indexOf(first), 1)[0] ?? first);
    await send(2, 2);
    // three deliveries that nobody ever answers: as a process does that dies while it handles the message
    await manager.consumers.update('SAMPLES', 'test', { ack_wait: nanos(1000) });
    const consumer = await jetstream(raw).consumers.get('SAMPLES', 'test');
    for (let delivery = 1; delivery <= 3; delivery++)
      expect((await consumer.next({ expires: 5000 }))?.info.deliveryCount).toBe(delivery);
    await raw.close();
    const idle = new Handler();
    serve(idle);
    await eventually(async () => expect((await deadReason(nats.url, 1))?.reason).toBe('its handler never finished'));
    expect(idle.handled).toEqual([]);
  });

  it('loses nothing when the server is killed under load', async () => {
    const handler = new Handler();
    serve(handler);
    await send(1, 30);
    await nats.kill();
    const sending = send(31, 60);
    await nats.run();
    await sending;
    await eventually(() => expect(new Set(handler.handled)).toEqual(new Set(numbers(1, 60))));
  });

  it('gives back on a stop what it had not begun: another replica has it at once', async () => {
    const slow = new Handler();
    let begun = false;
    let release = false;
    slow.before = async () => {
      begun = true;
      await eventually(() => release);
    };
    const first = serve(slow);
    await send(1, 120);
    await eventually(() => begun);
    const stopping = stop(running.splice(running.indexOf(first), 1)[0] ?? first);
    release = true;
    await stopping;
    const second = new Handler();
    serve(second);
    const since = performance.now();
    await eventually(() => expect(new Set([...slow.handled, ...second.handled])).toEqual(new Set(numbers(1, 120))));
    expect(performance.now() - since).toBeLessThan(1900);
  });
});

async function deadReason(url: string, position: number) {
  const connection = await connect({ servers: url });
  try {
    const message = await (await jetstreamManager(connection)).streams.getMessage('DEAD', { seq: position });
    if (!message) return undefined;
    const { header, subject } = message;
    return { reason: header.get('Lapwing-Dead-Reason'), consumer: header.get('Lapwing-Dead-Consumer'), subject };
  } finally {
    await connection.close();
  }
}
