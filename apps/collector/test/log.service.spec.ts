import { Bus, EventFeed } from '@lapwing/bus';
import { logCollected, logDeliveryGet, type LogEntry, type LogSource, type SeqRange } from '@lapwing/contracts';
import { NatsServer, eventually } from '@lapwing/testing';
import { appendFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { LogService } from '../src/services/log.service';
import type { LogReader } from '../src/sources/log-reader';
import { logReaders, type LogReaders } from '../src/sources/log-registry';
import { Host } from '../src/store/host';

/** What log-store does with what comes: it keeps each batch once, and says so, unless it is told not to. */
class FakeLogStore {
  readonly batches = new Map<string, LogEntry[]>();
  readonly bytes: number[] = [];
  confirms = true;
  readonly #feed: EventFeed<typeof logCollected>;

  constructor(
    bus: Bus,
    private readonly agent: () => LogService,
  ) {
    this.#feed = new EventFeed(bus, logCollected, ({ payload: { outbox, batches } }) => {
      this.bytes.push(JSON.stringify(batches).length);
      for (const { seq, entries } of batches) this.batches.set(`${outbox}/${seq}`, entries);
      const ranges = batches.map(({ seq }): SeqRange => [seq, seq]);
      if (this.confirms) this.agent().delivery?.hear({ outbox, ranges });
    });
    this.#feed.start();
    bus.respondToAgents(logDeliveryGet, async () => ({ stored: [], handledUpTo: 0, streamEnd: 2 ** 40 }));
  }

  get messages(): string[] {
    const seqOf = (key: string): number => Number(key.split('/')[1]);
    const ordered = [...this.batches].toSorted(([a], [b]) => seqOf(a) - seqOf(b));
    return ordered.flatMap(([, entries]) => entries.map(({ message }) => message));
  }

  stop(): Promise<void> {
    return this.#feed.stop();
  }
}

describe('the collector and its logs', () => {
  let nats: NatsServer;
  let folder: string;
  let bus: Bus;
  let service: LogService;
  let store: FakeLogStore;

  beforeEach(async () => {
    nats = await NatsServer.start();
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-log-service-'));
    const door = () => ({ servers: nats.url, credentials: null });
    bus = new Bus({ service: 'log-store', servers: '', agent: { id: 'web-1', door } });
    bus.onModuleInit();
    await eventually(() => bus.online);
    store = new FakeLogStore(bus, () => service);
  });
  afterEach(async () => {
    await service.onModuleDestroy();
    await store.stop();
    await bus.onApplicationShutdown();
    await nats.stop();
    await rm(folder, { recursive: true });
  });

  const pattern = (name: string): LogSource => ({ kind: 'file', path: path.join(folder, name) });
  const options = () => ({
    host: new Host(),
    dockerSocket: path.join(folder, 'docker.sock'),
    folders: [folder],
    linesPerSecond: 1_000_000,
    pm2Home: path.join(folder, 'pm2'),
    serviceFolder: path.join(folder, 'own'),
  });
  const start = async (sources: LogSource[], more: { readers?: LogReaders; maxBytes?: number } = {}): Promise<void> => {
    service = new LogService(bus, more.readers ?? logReaders(options()), {
      agentId: 'web-1',
      folder,
      maxBytes: more.maxBytes ?? 2 ** 26,
      bootId: 'boot',
    });
    await service.onApplicationBootstrap();
    // Settings are known some time after the start only, and nothing may be forgotten until then.
    for (let turn = 0; turn < 100; turn++) await breathe();
    service.setSources(sources);
    await eventually(() => service.sources.length > 0 || service.unsupported.length > 0);
  };
  const lines = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) => `line ${from + index} ${'x'.repeat((index * 31) % 100)}`);
  const write = (name: string, all: string[]): Promise<void> =>
    appendFile(path.join(folder, name), all.map((one) => `${one}\n`).join(''));

  it('takes down what is written and sends it, exactly once and in order over stops and an outage of the bus', async () => {
    await write('app.log', []);
    await start([pattern('*.log')]);
    await write('app.log', lines(0, 500));
    await eventually(() => expect(store.messages).toHaveLength(500));
    await service.onModuleDestroy();
    await write('app.log', lines(500, 1000));
    await start([pattern('*.log')]);
    await eventually(() => expect(store.messages).toHaveLength(1000));
    await nats.kill();
    await eventually(() => !bus.online);
    await write('app.log', lines(1000, 4000));
    await service.onModuleDestroy();
    await start([pattern('*.log')]);
    await write('app.log', lines(4000, 5000));
    await nats.run();
    await eventually(() => expect(store.messages).toHaveLength(5000));
    expect(store.messages).toEqual([...lines(0, 500), ...lines(500, 1000), ...lines(1000, 4000), ...lines(4000, 5000)]);
  });

  it('reads no further while its outbox is full, loses nothing, and goes on', async () => {
    await write('app.log', []);
    store.confirms = false;
    await start([pattern('*.log')], { maxBytes: 2 ** 22 });
    const all = Array.from({ length: 60_000 }, (_, index) => `${index} ${'y'.repeat(100)}`);
    await write('app.log', all);
    await eventually(() => expect(service.health.message).toMatch(/full/));
    expect(store.messages.length).toBeLessThan(60_000);
    store.confirms = true;
    const confirmAll = (): void => {
      for (const key of store.batches.keys()) {
        const [outbox = '', seq] = key.split('/');
        service.delivery?.hear({ outbox, ranges: [[Number(seq), Number(seq)]] });
      }
    };
    confirmAll();
    await eventually(() => expect(store.messages).toHaveLength(60_000));
    expect(store.messages).toEqual(all);
  });

  it('follows other sources without a restart, and says what it reads and what it cannot', async () => {
    await start([pattern('a.log')]);
    await write('b.log', ['history']);
    const bad: LogSource = { kind: 'file', path: path.join(folder, 'c.log'), entryStart: '(' };
    const readers = service.sources;
    service.setSources([pattern('b.log'), bad]);
    await eventually(() => expect(service.sources).toEqual([pattern('b.log')]));
    expect(readers).toEqual([pattern('a.log')]);
    expect(service.unsupported).toEqual([expect.stringMatching(/^logSources .*/)]);
    await write('a.log', ['not read']);
    await write('b.log', ['read']);
    await eventually(() => expect(store.messages).toEqual(['read']));
    service.setSources([]);
    await eventually(() => expect(service.sources).toEqual([]));
  });

  it('cuts what a reader gives into messages that the bus takes, and takes it down as one', async () => {
    const entry = (index: number): LogEntry => ({
      time: 1,
      source: 'docker',
      name: 'box',
      level: 'info',
      message: `${index} ${'"\\'.repeat(4000)}`,
      fields: {},
    });
    const all = Array.from({ length: 200 }, (_, index) => entry(index));
    let given = 0;
    const reader: LogReader = {
      start: async () => {},
      read: async () => (given++ === 0 ? { entries: all, positions: { docker: 200 } } : null),
      stop: async () => {},
    };
    await start([{ kind: 'docker' }], { readers: { docker: () => reader } });
    await eventually(() => expect(store.messages).toHaveLength(200));
    expect(store.messages).toEqual(all.map(({ message }) => message));
    expect(Math.max(...store.bytes)).toBeLessThan(500_000);
    expect(store.batches.size).toBeGreaterThan(5);
  });

  it('keeps one reader that fails or is busy from holding up the others', async () => {
    await write('app.log', []);
    const failing: LogReader = {
      start: async () => {},
      read: () => Promise.reject(new Error('no engine')),
      stop: async () => {},
    };
    await start([{ kind: 'docker' }, pattern('app.log')], {
      readers: { ...logReaders(options()), docker: () => failing },
    });
    await write('app.log', ['fine']);
    await eventually(() => expect(store.messages).toEqual(['fine']));
    expect(service.health.isHealthy).toBe(true);
  });

  it('leaves a line where lines were lost from a damaged outbox', async () => {
    await nats.kill();
    await eventually(() => !bus.online);
    await write('app.log', []);
    await start([pattern('app.log')]);
    const outbox = path.join(folder, 'logs');
    for (const text of ['one', 'two', 'three']) {
      const size = await sizeOf(outbox);
      await write('app.log', [text]);
      await eventually(async () => expect(await sizeOf(outbox)).toBeGreaterThan(size));
    }
    await service.onModuleDestroy();
    const files = (await readdir(outbox)).filter((name) => name.endsWith('.log'));
    for (const file of files) {
      const text = await readFile(path.join(outbox, file), 'utf8');
      await writeFile(path.join(outbox, file), text.replace(/^.*"two".*$/m, 'rubbish'));
    }
    await start([pattern('app.log')]);
    await nats.run();
    await eventually(() => expect(store.messages).toHaveLength(3));
    expect(store.messages).toEqual(['one', 'three', 'lines of logs are lost: the outbox was damaged']);
  });

  async function sizeOf(outbox: string): Promise<number> {
    const files = (await readdir(outbox)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(files.map((name) => readFile(path.join(outbox, name))));
    return texts.reduce((sum, text) => sum + text.length, 0);
  }
});
