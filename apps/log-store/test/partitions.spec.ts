import { Postgres } from '@lapwing/postgres';
import { databaseKinds, eventually } from '@lapwing/testing';
import type { PartitionLimits } from '../src/domain/partitions';
import { PartitionStore } from '../src/store/partition.store';
import { TextIndexStore } from '../src/store/text-index.store';
import { Harness, batch, line } from './harness';

const MINUTE = 60_000;
const DAY = 86_400_000;

// Partitions of our own exist on plain PostgreSQL alone: a hypertable cuts itself.
describe('partitions of lines', () => {
  let store: Harness;
  let partitions: PartitionStore;
  let now: number;
  let seq: number;

  const limits = (more: Partial<PartitionLimits> = {}): PartitionLimits => ({
    partitionBytes: 200_000,
    maxBytes: 1e12,
    keepMs: 14 * DAY,
    ...more,
  });

  beforeEach(async () => {
    store = await Harness.start('plain');
    partitions = new PartitionStore(store.postgres);
    now = Date.now();
    seq = 0;
  });
  afterEach(() => store.stop());

  const send = (count: number, at: (index: number) => number, outbox = '0a1b2c3d4e5f') =>
    store.send(
      [
        batch(
          ++seq,
          Array.from({ length: count }, (_, index) => line(`line ${seq} ${index}`, at(index))),
        ),
      ],
      {
        outbox,
      },
    );
  const names = async () => (await partitions.list()).map(({ name }) => name);
  const cut = (more: Partial<PartitionLimits> = {}) => eventually(() => store.maintenance.cut(limits(more)));
  const wrongVolume = () =>
    store.rows(
      `SELECT * FROM (SELECT minute, stream_id, level, lines::bigint FROM logs.volume WHERE lines > 0 AND minute >= date_trunc('minute', logs.floor())) v
       FULL JOIN (SELECT date_trunc('minute', time) AS minute, stream_id, level, count(*) AS lines FROM logs.entry GROUP BY 1, 2, 3) e
         USING (minute, stream_id, level, lines) WHERE v IS NULL OR e IS NULL`,
    );

  it('are closed when they have grown, while lines come, and lose none', async () => {
    await send(1000, (index) => now - MINUTE + index);
    await store.until(1000);
    const sent = { all: false };
    const stream = (async () => {
      for (let round = 0; round < 60; round++) await send(100, () => Date.now());
      sent.all = true;
    })();
    while (!sent.all) await cut();
    await stream;
    await store.until(7000);
    await cut();
    const list = await partitions.list();
    expect(list.length).toBeGreaterThan(2);
    expect([list[0]?.starts, list.at(-1)?.ends]).toEqual([-Infinity, Infinity]);
    for (const [index, { ends }] of list.slice(0, -1).entries()) expect(list[index + 1]?.starts).toBe(ends);
    expect(await wrongVolume()).toEqual([]);
    expect((await store.pages({}, 1000)).length).toBe(7000);
  });

  it('take lines that come late for one that is closed', async () => {
    await send(1000, (index) => now - MINUTE + index);
    await store.until(1000);
    await cut({ partitionBytes: 1000 });
    expect((await partitions.list()).length).toBe(2);
    await send(5, () => now - 5 * MINUTE);
    await send(5, () => now - 1000);
    await store.until(1010);
    const counts = await store.rows(
      'SELECT tableoid::regclass::text AS name, count(*) AS n FROM logs.entry GROUP BY 1 ORDER BY 1',
    );
    expect(counts).toEqual([
      { name: 'logs.entry_1', n: 1005 },
      { name: 'logs.entry_2', n: 5 },
    ]);
  });

  it('are not closed while they are empty, nor twice by two replicas', async () => {
    await cut({ partitionBytes: 0 });
    expect(await names()).toEqual(['entry_1']);
    await send(10, () => now - MINUTE);
    await store.until(10);
    await Promise.all(
      Array.from({ length: 4 }, () => eventually(() => partitions.take({ step: 'close', name: 'entry_1' }))),
    );
    expect(await names()).toEqual(['entry_1', 'entry_2']);
  });

  it('go, the oldest first, when all take too much; never the open one, and totals stay true', async () => {
    for (const minutes of [50, 40, 30, 20]) {
      const before = await store.count();
      await send(200, (index) => now - minutes * MINUTE + index * 1500);
      await store.until(before + 200);
      if (minutes > 20) await cut({ partitionBytes: 1000 });
    }
    const list = await partitions.list();
    expect(list.length).toBe(4);
    const bytes = list.reduce((sum, partition) => sum + partition.bytes, 0);
    await cut({ partitionBytes: 1e9, maxBytes: bytes - 1 });
    expect(await names()).toEqual(['entry_2', 'entry_3', 'entry_4']);
    expect(await wrongVolume()).toEqual([]);
    expect(await store.total()).toEqual({ total: 600, isEstimate: false });
    await send(3, () => now - 55 * MINUTE);
    await send(3, () => now - 45 * MINUTE + 10_000);
    // The first three are older than all that is kept, and are lines of now.
    await store.until(606);
    await cut({ partitionBytes: 1e9, maxBytes: 1 });
    expect(await names()).toEqual(['entry_4']);
    expect(await store.total()).toEqual({ total: await store.count(), isEstimate: false });
    expect(await wrongVolume()).toEqual([]);
    await store.maintenance.tidy();
    expect(
      await store.rows(
        'SELECT FROM logs.volume WHERE lines > 0 AND minute < (SELECT min(time) - $1::interval FROM logs.entry)',
        ['1 minute'],
      ),
    ).toEqual([]);
  });

  describe('text indexes', () => {
    const missing = async () => (await partitions.list()).map((partition) => partition.missing);

    it('come to the open partition while it is calm, go in a flood, and come back when it is closed', async () => {
      await store.maintenance.index();
      await eventually(async () => expect(await missing()).toEqual([[]]));
      await partitions.take({ step: 'strip', name: 'entry_1' });
      expect(await missing()).toEqual([['words', 'trigrams']]);
      await send(500, (index) => now - MINUTE + index);
      await store.until(500);
      expect(await store.find({ query: 'line 1 499' })).toEqual(['line 1 499']);
      await eventually(() => partitions.take({ step: 'close', name: 'entry_1' }));
      await eventually(async () => {
        await store.maintenance.index();
        return (await missing()).flat().length === 0;
      });
      expect(await store.find({ query: 'line 1 499' })).toEqual(['line 1 499']);
    });

    it('are built anew when they were left half built, while lines come', async () => {
      await store.suspend();
      // The service may have built them before it was suspended.
      await store.rows('DROP INDEX IF EXISTS logs.entry_1_words, logs.entry_1_trigrams');
      await store.rows(
        `INSERT INTO logs.entry SELECT now() - i * interval '1 ms', i, 1, 0, 1, md5(i::text) || ' needle' FROM generate_series(1, 60000) i`,
      );
      const hasty = new Postgres({ service: 'test', url: store.database.url, statementTimeoutMs: 150 });
      const half =
        'CREATE INDEX CONCURRENTLY entry_1_words ON logs.entry_1 USING gin (to_tsvector($$simple$$, logs.folded(message)))';
      await expect(hasty.query('test', half)).rejects.toThrow('away');
      await hasty.onApplicationShutdown();
      const invalid = 'SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid';
      expect(await store.rows(invalid)).toEqual([{ name: 'logs.entry_1_words' }]);
      expect(await missing()).toEqual([['words', 'trigrams']]);
      await store.serve();
      const sent = send(10, () => Date.now());
      await eventually(async () => expect(await missing()).toEqual([[]]), 60_000);
      await sent;
      expect(await store.rows(invalid)).toEqual([]);
      await store.until(60_010);
      expect(await store.total({ query: '"needle"', to: now - 10_000 })).toMatchObject({ isEstimate: true });
    });

    it('are built by one replica at a time', async () => {
      await store.suspend();
      const pools = [1, 2].map(() => new Postgres({ service: 'test', url: store.database.url, poolSize: 1 }));
      const [one, two] = pools.map((pool) => new TextIndexStore(pool));
      const done: string[] = [];
      await one?.alone(async () => {
        done.push('one');
        await two?.alone(() => Promise.resolve(void done.push('two at once')));
      });
      await two?.alone(() => Promise.resolve(void done.push('two after')));
      expect(done).toEqual(['one', 'two after']);
      await Promise.all(pools.map((pool) => pool.onApplicationShutdown()));
    });
  });
});

describe.each(databaseKinds())('retention of lines on %s', (kind) => {
  let store: Harness;

  beforeEach(async () => {
    store = await Harness.start(kind);
  });
  afterEach(() => store.stop());

  const trim = (more: Partial<PartitionLimits>) => {
    const limits: PartitionLimits = { partitionBytes: 1e12, maxBytes: 1e12, keepMs: 14 * DAY, ...more };
    return eventually(() => store.maintenance.cut(limits));
  };

  it('drops what is too old, then what is too much, and keeps the newest', async () => {
    const now = Date.now();
    for (const [index, days] of [9, 6, 3, 0].entries()) {
      await store.send([
        batch(
          index + 1,
          Array.from({ length: 10 }, () => line(`${days} days`, now - days * DAY)),
        ),
      ]);
      await store.until(10 * (index + 1));
      if (days > 0) await trim({ partitionBytes: 1 });
    }
    await trim({});
    expect(await store.total()).toEqual({ total: 40, isEstimate: false });
    await trim({ keepMs: 8 * DAY });
    expect(new Set(await store.find())).toEqual(new Set(['6 days', '3 days', '0 days']));
    expect(await store.total()).toEqual({ total: 30, isEstimate: false });
    await trim({ maxBytes: 1 });
    expect(new Set(await store.find())).toEqual(new Set(['0 days']));
    await store.maintenance.tidy();
    expect(await store.total()).toEqual({ total: 10, isEstimate: false });
  });
});
