import { Bus, Leases, Shares, type Worker } from '@lapwing/bus';
import { NatsServer, eventually } from '@lapwing/testing';

const NAMES = ['part.0', 'part.1', 'part.2', 'part.3'];

/** Keeps what it has, and can be made to fail. */
class Hands implements Worker {
  readonly has = new Set<string>();
  fails = false;

  async take(name: string): Promise<void> {
    if (this.fails) throw new Error('cannot');
    this.has.add(name);
  }

  async drop(name: string): Promise<void> {
    this.has.delete(name);
  }
}

describe('shares', () => {
  let nats: NatsServer;
  const buses: Bus[] = [];
  beforeAll(async () => {
    nats = await NatsServer.start();
  });
  afterAll(async () => {
    for (const bus of buses) await bus.onApplicationShutdown();
    await nats.stop();
  });

  const worker = async (name: string) => {
    const bus = new Bus({ service: name, servers: nats.url, streams: 'make' });
    buses.push(bus);
    bus.onModuleInit();
    await eventually(() => expect(bus.online).toBe(true));
    const leases = new Leases(bus, 'workers', name);
    leases.start();
    const hands = new Hands();
    const shares = new Shares(name, leases, NAMES, hands);
    const stop = async () => {
      await shares.stop();
      await leases.stop();
    };
    return { hands, shares, stop };
  };

  it('are divided fairly, each part to one, and taken over from whoever leaves', async () => {
    const a = await worker('a');
    a.shares.start();
    await eventually(() => expect(a.hands.has.size).toBe(4));
    const b = await worker('b');
    b.shares.start();
    await eventually(() => {
      expect([a.hands.has.size, b.hands.has.size]).toEqual([2, 2]);
      expect([...a.hands.has, ...b.hands.has].toSorted()).toEqual(NAMES);
    }, 30_000);
    await b.stop();
    expect(b.hands.has.size).toBe(0);
    await eventually(() => expect([...a.hands.has].toSorted()).toEqual(NAMES), 10_000);
    // One that cannot begin leaves the part to others.
    const c = await worker('c');
    c.hands.fails = true;
    c.shares.start();
    await a.stop();
    expect(a.hands.has.size).toBe(0);
    c.hands.fails = false;
    await eventually(() => expect(c.hands.has.size).toBe(4), 10_000);
    await c.stop();
  }, 60_000);
});
