import { Bus, EventFeed, readStream, streamBounds } from '@lapwing/bus';
import { hostSampled } from '@lapwing/contracts';
import { NatsServer, eventually, hostSample } from '@lapwing/testing';
import { setTimeout as pause } from 'node:timers/promises';

describe('following a stream', () => {
  let nats: NatsServer;
  let bus: Bus;
  let feed: EventFeed<typeof hostSampled>;
  let heard: string[];

  const send = (agentId: string, seq: number) =>
    eventually(() =>
      bus.publish(
        hostSampled,
        agentId,
        { agentId, outbox: '0a1b2c3d4e5f', samples: [hostSample(seq, Date.now())] },
        `${agentId}:${seq}`,
      ),
    );

  beforeEach(async () => {
    nats = await NatsServer.start();
    bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    heard = [];
    feed = new EventFeed(bus, hostSampled, ({ payload }) => {
      heard.push(`${payload.agentId}:${payload.samples[0]?.seq}`);
    });
  });
  afterEach(async () => {
    await feed.stop();
    await bus.onApplicationShutdown();
    await nats.stop();
  });

  it('begins with the last of every key, then all that is new, across a kill of the server', async () => {
    for (const seq of [1, 2]) await send('web-1', seq);
    await send('web-2', 1);
    feed.start();
    await eventually(() => expect(heard).toEqual(['web-1:2', 'web-2:1']));
    await send('web-1', 3);
    await nats.kill();
    await nats.run();
    await send('web-1', 4);
    await eventually(() => expect(heard).toEqual(['web-1:2', 'web-2:1', 'web-1:3', 'web-1:4']));
  });

  it('begins anew when the server has lost the stream', async () => {
    for (const seq of [1, 2, 3]) await send('web-1', seq);
    feed.start();
    await eventually(() => expect(heard).toEqual(['web-1:3']));
    await nats.kill();
    await nats.forget();
    await nats.run();
    await send('web-1', 4);
    await eventually(() => expect(heard).toEqual(['web-1:3', 'web-1:4']));
    expect(feed.position).toBe(1);
  });

  it('begins after a position, hears one event after the other, and leaves out whom nobody wants', async () => {
    for (const seq of [1, 2]) await send('web-1', seq);
    const { last } = await streamBounds(bus, hostSampled);
    const done: string[] = [];
    let open = 0;
    let most = 0;
    const own = new EventFeed(
      bus,
      hostSampled,
      async ({ payload }) => {
        most = Math.max(most, ++open);
        await pause(1);
        open--;
        done.push(`${payload.agentId}:${payload.samples[0]?.seq}`);
      },
      { after: last, wants: (key) => key !== 'web.2', maxBytes: 2 ** 23 },
    );
    own.start();
    try {
      for (const seq of [3, 4]) for (const agent of ['web-1', 'web.2', 'web-3']) await send(agent, seq);
      await eventually(() => expect(done).toEqual(['web-1:3', 'web-3:3', 'web-1:4', 'web-3:4']));
      expect(most).toBe(1);
      await nats.kill();
      await nats.forget();
      await nats.run();
      await send('web-1', 5);
      await send('web-1', 6);
      await eventually(() => expect(done.slice(4)).toEqual(['web-1:5', 'web-1:6']));
    } finally {
      await own.stop();
    }
  });

  it('holds back what comes faster than it is heard, by bytes', async () => {
    const many = 60;
    for (let seq = 1; seq <= many; seq++) await send('web-1', seq);
    const seqs: (number | undefined)[] = [];
    const own = new EventFeed(
      bus,
      hostSampled,
      async ({ payload }) => {
        await pause(1);
        seqs.push(payload.samples[0]?.seq);
      },
      { after: 0, maxBytes: 20_000 },
    );
    own.start();
    await eventually(() => expect(seqs).toEqual(Array.from({ length: many }, (_, index) => index + 1)));
    await own.stop();
  });

  it('goes back to a position, whatever it is doing at that moment', async () => {
    for (const seq of [1, 2, 3, 4]) await send('web-1', seq);
    feed.start();
    await eventually(() => expect(feed.isFollowing).toBe(true));
    for (let round = 0; round < 20; round++) {
      feed.rewind(1);
      // While it is being opened again, each round at another place.
      await pause(100 + round);
      heard.length = 0;
      feed.rewind(2);
      await eventually(() => expect(heard).toEqual(['web-1:3', 'web-1:4']));
      expect(feed.isFollowing).toBe(true);
    }
    await send('web-1', 5);
    await eventually(() => expect(heard).toEqual(['web-1:3', 'web-1:4', 'web-1:5']));
  }, 60_000);

  it('knows how many it has still to hear, those that came already included', async () => {
    await expect(feed.behind()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    let goOn = (): void => {};
    const slow = new EventFeed(bus, hostSampled, async ({ payload }) => {
      heard.push(`${payload.agentId}:${payload.samples[0]?.seq}`);
      await new Promise<void>((resolve) => (goOn = resolve));
    });
    try {
      slow.start();
      await eventually(async () => expect(await slow.behind()).toBe(0));
      for (const seq of [1, 2, 3, 4]) await send('web-1', seq);
      await eventually(() => expect(heard).toEqual(['web-1:1']));
      await eventually(async () => expect(await slow.behind()).toBe(3));
      goOn();
      await eventually(() => expect(heard).toHaveLength(2));
      expect(await slow.behind()).toBe(2);
      await nats.kill();
      await eventually(async () => expect(await slow.behind().catch(({ code }) => code as string)).toBe('UNAVAILABLE'));
      await nats.run();
      // What was on its way when the server went comes again.
      await eventually(() => {
        goOn();
        expect(heard).toHaveLength(4);
      });
      await eventually(async () => expect(await slow.behind()).toBe(0));
    } finally {
      goOn();
      await slow.stop();
    }
  });

  it('reads back a part of a stream, of one key or of all', async () => {
    for (const seq of [1, 2, 3]) for (const agent of ['web-1', 'web-2']) await send(agent, seq);
    expect(await streamBounds(bus, hostSampled)).toEqual({ first: 1, last: 6 });
    const read = async (key: string, from: number, to: number): Promise<number[]> => {
      const positions = [];
      for await (const { position } of readStream(bus, hostSampled, key, { from, to })) positions.push(position);
      return positions;
    };
    expect(await read('*', 2, 5)).toEqual([2, 3, 4, 5]);
    expect(await read('web-2', 1, 6)).toEqual([2, 4, 6]);
    expect(await read('web-3', 1, 6)).toEqual([]);
  });
});
