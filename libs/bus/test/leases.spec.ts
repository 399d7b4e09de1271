import { NatsServer, eventually } from '@lapwing/testing';
import { Bus } from '../src/bus';
import type { Ground } from '../src/ground';
import { Leases } from '../src/leases';

describe('leases', () => {
  let nats: NatsServer;
  const buses: Bus[] = [];

  const holder = async (name: string, ground?: Ground): Promise<{ bus: Bus; leases: Leases }> => {
    const bus = new Bus({ service: 'poller', servers: nats.url });
    bus.onModuleInit();
    buses.push(bus);
    await eventually(() => bus.online);
    const leases = new Leases(bus, 'poller', name, ground);
    leases.start();
    return { bus, leases };
  };

  beforeAll(async () => {
    nats = await NatsServer.start();
  });
  afterAll(async () => {
    for (const bus of buses) await bus.onApplicationShutdown();
    await nats.stop();
  });

  it('are held by one at a time, and can be given back', async () => {
    const [a, b] = [await holder('a'), await holder('b')];
    expect(await a.leases.claim('target.one')).toBe(true);
    expect(await a.leases.claim('target.one')).toBe(true);
    expect(await b.leases.claim('target.one')).toBe(false);
    await a.leases.release('target.one');
    expect(a.leases.holds('target.one')).toBe(false);
    expect(await b.leases.claim('target.one')).toBe(true);
    await eventually(async () => expect(await a.leases.holders()).toBe(2));
    await a.leases.stop();
    expect(await b.leases.holders()).toBe(1);
    await b.leases.stop();
    expect(b.leases.held()).toEqual([]);
  });

  it('are not for who has no ground yet: the others divide the work without him', async () => {
    let ready = (): void => {};
    const waiting = await holder('waiting', { whenReady: (use) => (ready = use) });
    const worker = await holder('worker');
    await eventually(async () => expect(await worker.leases.claim('target.ground')).toBe(true));
    await worker.leases.release('target.ground');
    expect(await waiting.leases.claim('target.ground')).toBe(false);
    expect([await worker.leases.holders(), waiting.leases.areThere]).toEqual([1, false]);
    ready();
    await eventually(async () => expect(await worker.leases.holders()).toBe(2));
    expect(await waiting.leases.claim('target.ground')).toBe(true);
    await waiting.leases.stop();
    await worker.leases.stop();
  });

  it('go to another within 15 s when their holder is silent, and the silent one knows before that', async () => {
    const [c, d] = [await holder('c'), await holder('d')];
    expect(await c.leases.claim('target.two')).toBe(true);
    await c.bus.onApplicationShutdown();
    const silentAt = performance.now();
    await eventually(async () => {
      if (!(await d.leases.claim('target.two'))) throw new Error('still held');
      expect(c.leases.holds('target.two')).toBe(false);
    }, 20_000);
    expect(performance.now() - silentAt).toBeLessThan(15_000);
    await d.leases.stop();
  }, 40_000);

  it('are renewed for as long as their holder lives', async () => {
    const [e, f] = [await holder('e'), await holder('f')];
    expect(await e.leases.claim('target.three')).toBe(true);
    const until = performance.now() + 14_000;
    await eventually(async () => {
      expect(await f.leases.claim('target.three')).toBe(false);
      if (performance.now() < until) throw new Error('not yet');
    }, 20_000);
    expect(e.leases.holds('target.three')).toBe(true);
    await e.leases.stop();
    await f.leases.stop();
  }, 40_000);
});
