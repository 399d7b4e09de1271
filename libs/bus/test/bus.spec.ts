import { Bus, BusServer, OnNews, OnRequest, ownConsumers, streamStates } from '@lapwing/bus';
import {
  LapwingError,
  defaultSystemSettings,
  hostSampled,
  processGet,
  settingsGet,
  settingsUpdate,
  samplesStored,
} from '@lapwing/contracts';
import { NatsServer, eventually, hostSample } from '@lapwing/testing';
import { connect } from '@nats-io/transport-node';
import { EventConsumer } from '../src/consumer';

describe('the bus', () => {
  let nats: NatsServer;
  const running: Bus[] = [];

  const start = (service: string): Bus => {
    const bus = new Bus({ service, servers: nats.url });
    running.push(bus);
    bus.onModuleInit();
    return bus;
  };
  const online = async (service: string): Promise<Bus> => {
    const bus = start(service);
    await eventually(() => bus.online);
    return bus;
  };

  beforeEach(async () => {
    nats = await NatsServer.start();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((bus) => bus.onApplicationShutdown()));
    await nats.stop();
  });

  it('asks and answers, with defaults filled in on the way', async () => {
    const asker = await online('gateway');
    const answerer = await online('settings');
    answerer.respond(settingsUpdate, async ({ refreshInterval }) => ({
      ...defaultSystemSettings,
      refreshInterval: refreshInterval ?? 5,
    }));
    expect(await eventually(() => asker.request(settingsUpdate, { refreshInterval: 7 }))).toEqual({
      ...defaultSystemSettings,
      refreshInterval: 7,
    });
  });

  it('asks all replicas, and knows when nobody is there, or somebody does not answer', async () => {
    const asker = await online('gateway');
    const gather = (expected: number, waitMs = 5000, settleMs = 0) =>
      asker.requestAll(settingsGet, {}, { waitMs, settleMs, isEnough: ({ length }) => length >= expected });
    expect(await gather(1)).toEqual([]);
    for (const refreshInterval of [1, 2])
      (await online('settings')).respondEach(settingsGet, async () => ({ ...defaultSystemSettings, refreshInterval }));
    (await online('settings')).respondEach(settingsGet, () => Promise.reject(new LapwingError('NOT_FOUND')));
    const answers = await eventually(async () => {
      const all = await gather(2);
      expect(all).toHaveLength(2);
      return all;
    });
    expect(new Set(answers.map(({ refreshInterval }) => refreshInterval))).toEqual(new Set([1, 2]));
    // Those who are expected have come, and one who is not known is waited for.
    expect(await gather(1, 5000, 200)).toHaveLength(2);
    expect(await gather(3, 200)).toHaveLength(2);
    await nats.kill();
    await eventually(() => !asker.online);
    await expect(asker.requestAll(settingsGet, {}, { waitMs: 1, settleMs: 0, isEnough: () => true })).rejects.toThrow(
      'away',
    );
  });

  it('knows whether NATS answers now', async () => {
    const bus = await online('settings');
    expect(await bus.roundTrip(5000)).toBeGreaterThanOrEqual(0);
    expect(bus.serverVersion).toMatch(/^\d+\.\d+/);
    nats.signal('SIGSTOP');
    // The signal takes a moment: one answer may still come.
    await eventually(() => expect(bus.roundTrip(200)).rejects.toMatchObject({ code: 'TIMEOUT' }));
    nats.signal('SIGCONT');
    await eventually(() => bus.roundTrip(5000));
    await nats.kill();
    await eventually(() => !bus.online);
    await expect(bus.roundTrip(200)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bus.serverVersion).toBeUndefined();
  });

  it('knows how full streams are, and how far its own consumers have come', async () => {
    const bus = await online('metrics-store');
    await bus.publish(hostSampled, 'web-1', { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples: [hostSample(1, 1)] });
    const states = await streamStates(bus, 5000);
    expect(states.map(({ stream, messages }) => [stream, messages])).toContainEqual(['SAMPLES', 1]);
    expect(states.find(({ stream }) => stream === 'DEAD')).toMatchObject({ messages: 0, oldestAt: null });
    expect(await ownConsumers(bus, 5000)).toEqual([]);
    const consumer = new EventConsumer(bus, hostSampled, { durable: 'metrics-store' }, async () => {});
    consumer.start();
    const caughtUp = { stream: 'SAMPLES', consumer: 'metrics-store', pending: 0, unacknowledged: 0, redelivered: 0 };
    await eventually(async () => expect(await ownConsumers(bus, 5000)).toEqual([caughtUp]));
    await consumer.stop();
  });

  it('shares requests among the members of a service: each is answered once', async () => {
    const asker = await online('gateway');
    let answers = 0;
    for (let member = 0; member < 3; member++)
      (await online('settings')).respond(settingsGet, async () => {
        answers++;
        return defaultSystemSettings;
      });
    await eventually(() => asker.request(settingsGet, {}));
    answers = 0;
    await Promise.all(Array.from({ length: 30 }, () => asker.request(settingsGet, {})));
    expect(answers).toBe(30);
  });

  it('answers what it was asked before it stops, and is asked nothing more', async () => {
    const asker = await online('gateway');
    const leaving = await online('settings');
    const staying = await online('settings');
    let answer = (): void => {};
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    const heard = { leaving: 0, staying: 0 };
    leaving.respond(settingsGet, async () => {
      heard.leaving++;
      await mayAnswer;
      return { ...defaultSystemSettings, refreshInterval: 7 };
    });
    staying.respond(settingsGet, async () => {
      heard.staying++;
      return { ...defaultSystemSettings, refreshInterval: 5 };
    });
    await Promise.all([leaving, staying].map(({ connection }) => connection.link().connection.flush()));
    const ask = async (): Promise<number> => (await asker.request(settingsGet, {})).refreshInterval;
    const asked = Array.from({ length: 50 }, ask);
    await eventually(() => heard.leaving > 0 && heard.leaving + heard.staying === 50);
    const early = heard.leaving;
    let unasked = 0;
    leaving.whenUnasked(() => unasked++);
    const stopped = leaving.stopAnswering();
    await eventually(() => unasked > 0);
    expect(await Promise.all(Array.from({ length: 50 }, ask))).toEqual(Array(50).fill(5));
    expect(heard.leaving).toBe(early);
    answer();
    await stopped;
    expect((await Promise.all(asked)).filter((interval) => interval === 7)).toHaveLength(early);
    expect(unasked).toBe(1);
  });

  it('is asked nothing before its ground is ready, and hears news all the same', async () => {
    const asker = await online('gateway');
    const starting = await online('settings');
    class Handler {
      news = 0;
      get = async (): Promise<typeof defaultSystemSettings> => defaultSystemSettings;
      hear = (): void => void this.news++;
    }
    OnRequest(settingsGet)(Handler.prototype, 'get', {});
    OnNews(samplesStored, 'anyone')(Handler.prototype, 'hear', {});
    const handler = new Handler();
    const waiting: (() => void)[] = [];
    const server = new BusServer(starting, [handler], { whenReady: (use) => void waiting.push(use) });
    server.onApplicationBootstrap();
    const flushed = (): Promise<void> => starting.connection.link().connection.flush();
    await flushed();
    await expect(asker.request(settingsGet, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    asker.announce(samplesStored, 'web-1', { agentId: 'web-1', outbox: '0a1b2c3d4e5f', ranges: [[1, 1]] });
    await eventually(() => handler.news === 1);
    for (const use of waiting) use();
    await flushed();
    expect(await asker.request(settingsGet, {})).toEqual(defaultSystemSettings);
    await server.onModuleDestroy();
    await expect(asker.request(settingsGet, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('listens to nothing when it is stopped before it has found NATS', async () => {
    const asker = await online('gateway');
    const late = new Bus({ service: 'settings', servers: nats.url });
    running.push(late);
    late.respond(settingsGet, async () => defaultSystemSettings);
    await late.stopAnswering();
    late.onModuleInit();
    await eventually(() => late.online);
    await late.connection.link().connection.flush();
    await expect(asker.request(settingsGet, {})).rejects.toMatchObject({ details: { reason: 'no responders' } });
  });

  it('asks once more what only reads and nobody has heard, and never what changes something', async () => {
    const asker = await online('gateway');
    const late = await online('settings');
    const answers = [asker.request(settingsGet, {}), asker.request(settingsUpdate, { refreshInterval: 7 })];
    const settled = Promise.allSettled(answers);
    await expect(answers[1]).rejects.toMatchObject({ details: { reason: 'no responders' } });
    late.respond(settingsGet, async () => defaultSystemSettings);
    late.respond(settingsUpdate, async () => defaultSystemSettings);
    await late.connection.link().connection.flush();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('says UNAVAILABLE at once when nobody is there, and TIMEOUT when nobody answers in time', async () => {
    const asker = await online('gateway');
    const begun = performance.now();
    await expect(asker.request(settingsGet, {})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { reason: 'no responders' },
    });
    expect(performance.now() - begun).toBeLessThan(2000);
    const slow = { ...settingsGet, deadlineMs: 100 };
    (await online('settings')).respond(slow, () => new Promise(() => {}));
    await eventually(() => expect(asker.request(slow, {})).rejects.toMatchObject({ code: 'TIMEOUT' }));
  });

  it('carries errors with their code and details, and hides what is unexpected', async () => {
    const asker = await online('gateway');
    const host = await online('collector');
    host.respondAs(processGet, 'web-1', async ({ pid }) => {
      if (pid === 1) throw new LapwingError('NOT_FOUND', 'no process 1', { pid });
      throw new Error('password=hunter2');
    });
    await eventually(() =>
      expect(asker.command(processGet, 'web-1', { pid: 1 })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'no process 1',
        details: { pid: 1 },
      }),
    );
    await expect(asker.command(processGet, 'web-1', { pid: 2 })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'internal error',
      details: {},
    });
    await expect(asker.command(processGet, 'web-2', { pid: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('refuses a question that does not follow the schema, and says what is wrong', async () => {
    const asker = await online('gateway');
    (await online('collector')).respondAs(processGet, 'web-1', async () => {
      throw new Error('must not be reached');
    });
    await eventually(() =>
      expect(asker.command(processGet, 'web-1', { pid: -4 })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining('pid') as string,
      }),
    );
    const raw = await connect({ servers: nats.url });
    const answer = await raw.request('cmd.web-1.process.get.v1', 'no JSON');
    expect(answer.headers?.get('Lapwing-Error')).toBe('INVALID_INPUT');
    await raw.close();
  });

  it('keeps an event of the same id once', async () => {
    const bus = await online('collector');
    const payload = { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples: [hostSample(1, Date.now())] };
    const first = await bus.publish(hostSampled, 'web-1', payload, 'the-id');
    const second = await bus.publish(hostSampled, 'web-1', payload, 'the-id');
    expect(second.position).toBe(first.position);
  });

  it('refuses to send what does not follow the schema', async () => {
    const bus = await online('collector');
    const wrong = {
      agentId: 'web-1',
      outbox: '0a1b2c3d4e5f',
      samples: [{ ...hostSample(1, Date.now()), time: Number.NaN }],
    };
    await expect(bus.publish(hostSampled, 'web-1', wrong)).rejects.toThrow('time');
  });

  it('hears transient events about its own agent, and passes over what is malformed', async () => {
    const teller = await online('metrics-store');
    const hearer = await online('collector');
    const heard: number[] = [];
    hearer.listen(samplesStored, 'web-1', ({ ranges }) => heard.push(ranges[0]?.[0] ?? 0));
    const raw = await connect({ servers: nats.url });
    await eventually(() => {
      raw.publish('evt.samples.stored.v1.web-1', '{"ranges": 5}');
      teller.announce(samplesStored, 'web-2', { agentId: 'web-2', outbox: '0a1b2c3d4e5f', ranges: [[2, 2]] });
      teller.announce(samplesStored, 'web-1', { agentId: 'web-1', outbox: '0a1b2c3d4e5f', ranges: [[1, 1]] });
      return heard.length > 0;
    });
    expect(new Set(heard)).toEqual(new Set([1]));
    await raw.close();
  });

  it('waits for a server that is not there yet, and comes back after it was killed', async () => {
    await nats.kill();
    const asker = start('gateway');
    const answerer = start('settings');
    answerer.respond(settingsGet, async () => defaultSystemSettings);
    await expect(async () => asker.request(settingsGet, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await nats.run();
    await eventually(() => asker.request(settingsGet, {}));
    await nats.kill();
    await eventually(() => !asker.online);
    await nats.run();
    await eventually(() => asker.request(settingsGet, {}));
  });

  it('is not content with a server without TLS where the address says tls', async () => {
    const door = () => ({ servers: nats.url.replace('nats:', 'tls:'), credentials: null });
    const bus = new Bus({ service: 'collector', servers: '', streams: 'ignore', agent: { id: 'web-1', door } });
    const shutOut = new Promise<void>((resolve) => bus.connection.whenShutOut(resolve));
    bus.onModuleInit();
    await shutOut;
    expect(bus.online).toBe(false);
    await bus.onApplicationShutdown();
  });

  it('makes the streams again when the server has lost them', async () => {
    const bus = await online('collector');
    const payload = { agentId: 'web-1', outbox: '0a1b2c3d4e5f', samples: [hostSample(1, Date.now())] };
    await bus.publish(hostSampled, 'web-1', payload);
    await nats.kill();
    await nats.forget();
    await nats.run();
    const { position } = await eventually(() => bus.publish(hostSampled, 'web-1', payload));
    expect(position).toBe(1);
  });
});
