import {
  logLevels,
  logmatchCount,
  logsourceList,
  logvolumeGet,
  servicelogFlush,
  type LogEntry,
  type LogLevel,
} from '@lapwing/contracts';
import { databaseKinds, eventually } from '@lapwing/testing';
import { Harness, batch, line } from './harness';

const MINUTE = 60_000;
const HOUR = 3_600_000;

describe.each(databaseKinds())('counting lines on %s', (kind) => {
  let store: Harness;
  let now: number;
  const seqs = new Map<string, number>();

  beforeEach(async () => {
    store = await Harness.start(kind);
    seqs.clear();
    now = Date.now() - HOUR;
  });
  afterEach(() => store.stop());

  const keep = async (entries: LogEntry[], agentId = 'web-1'): Promise<void> => {
    const before = await store.count();
    const seq = (seqs.get(agentId) ?? 0) + 1;
    seqs.set(agentId, seq);
    await store.send([batch(seq, entries)], { agentId });
    await store.until(before + entries.length);
  };

  /** Lines at random times, of random levels; the same in each run. */
  const scattered = (count: number): LogEntry[] => {
    let state = 7;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    return Array.from({ length: count }, () =>
      line(random(3) === 0 ? 'needle' : 'hay', now - random(3 * HOUR), {
        level: logLevels[random(6)] ?? 'info',
        name: `/var/log/${random(3)}`,
      }),
    );
  };

  it('tells totals and histograms as a slow count does', async () => {
    const all = [scattered(1000), scattered(700).map((entry) => ({ ...entry, name: 'other' }))];
    for (const entries of all) await keep(entries);
    const lines = all.flat();
    const within = (from: number | null, to: number | null, matches: (entry: LogEntry) => boolean = () => true) =>
      lines.filter((entry) => entry.time >= (from ?? 0) && entry.time < (to ?? Infinity) && matches(entry));
    const times: [number | null, number | null][] = [
      [null, null],
      [now - 2 * HOUR, now - HOUR],
      [now - 2 * HOUR + 12_345, now - HOUR - 54_321],
      [now - 2 * HOUR + 100, now - 2 * HOUR + 900],
      [now - HOUR + 31_000, null],
      [null, now - HOUR + 31_000],
    ];
    for (const [from, to] of times) {
      const levels: LogLevel[] = ['error', 'critical'];
      expect((await store.total({ from, to })).total).toBe(within(from, to).length);
      expect((await store.total({ from, to, levels })).total).toBe(
        within(from, to, ({ level }) => levels.includes(level)).length,
      );
      expect((await store.total({ from, to, name: 'other' })).total).toBe(
        within(from, to, ({ name }) => name === 'other').length,
      );
      expect((await store.total({ from, to, query: 'needle' })).total).toBe(
        within(from, to, ({ message }) => message === 'needle').length,
      );
    }
    for (const [step, query] of [
      [60, null],
      [300, null],
      [3600, 'needle'],
      [17, null],
    ] as const) {
      const [from, to] = [now - HOUR - 12_345, now + 4321];
      const expected = new Map<number, Partial<Record<LogLevel, number>>>();
      for (const { time, level } of within(from, to, ({ message }) => query === null || message === query)) {
        const bucket = Math.floor(time / step / 1000) * step * 1000;
        const counts = expected.get(bucket) ?? {};
        expected.set(bucket, { ...counts, [level]: (counts[level] ?? 0) + 1 });
      }
      const { buckets } = await store.bus.request(logvolumeGet, { filter: { from, to, query }, step });
      expect(buckets).toEqual([...expected].toSorted(([a], [b]) => a - b).map(([time, counts]) => ({ time, counts })));
    }
  });

  it('refuses histograms that cannot be', async () => {
    const ask = (from: number, to: number, step: number) =>
      store.bus.request(logvolumeGet, { filter: { from, to }, step });
    await expect(ask(now, now, 60)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(ask(now - 1001 * MINUTE, now, 60)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await ask(now - 1000 * MINUTE, now, 60)).toEqual({ buckets: [] });
  });

  it('estimates what is too much to be counted, and says so', async () => {
    await store.suspend();
    await store.rows(`INSERT INTO logs.stream (agent_id, source, name) VALUES ('web-1', 'file', 'x')`);
    await store.rows(
      `INSERT INTO logs.entry SELECT now() - i * interval '1 ms', i, 1, 0, 1, 'common ' || i FROM generate_series(1, 30000) i`,
    );
    await store.rows('ANALYZE logs.entry');
    await store.serve();
    const { total, isEstimate } = await store.total({ query: 'common' });
    expect(isEstimate).toBe(true);
    expect(total).toBeGreaterThan(10_000);
    expect(await store.total({ query: 'common 29999' })).toEqual({ total: 1, isEstimate: false });
  });

  it('counts matches by agent, with the newest of each', async () => {
    await keep([1, 2, 3, 4, 5].map((n) => line(`disk failure ${n}`, now + n, { level: 'error', name: 'a' })));
    await keep([line(`disk failure ${'😀'.repeat(400)}`, now, { name: 'b' }), line('all is well', now)], 'web-2');
    const ask = (filter: object) =>
      store.bus.request(logmatchCount, { filter: { from: now - MINUTE, to: now + MINUTE, ...filter } });
    const { agents } = await ask({ query: 'disk failure' });
    expect(agents.map(({ agentId, count }) => [agentId, count])).toEqual([
      ['web-1', 5],
      ['web-2', 1],
    ]);
    expect(agents[0]?.examples).toEqual(
      [5, 4, 3].map((n) => ({ time: now + n, name: 'a', message: `disk failure ${n}` })),
    );
    expect(agents[1]?.examples[0]?.message).toMatch(/^disk failure (😀)+$/u);
    expect((await ask({ levels: ['error'], pattern: '^DISK' })).agents).toHaveLength(1);
    expect((await ask({ query: 'nothing' })).agents).toEqual([]);
    await expect(ask({ from: now, to: now })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('lists the logs that there are, with the time of the newest line', async () => {
    await keep([line('x', now + 5, { name: 'b' }), line('x', now + 7, { name: 'a' }), line('x', now, { name: 'a' })]);
    await keep([line('x', now, { source: 'journal', name: 'c' })], 'web-2');
    await keep([line('x', now + 6, { name: 'a' })]);
    const list = async (filter: object) => (await store.bus.request(logsourceList, filter)).sources;
    const own = [
      { agentId: 'web-1', source: 'file', name: 'a', lastAt: now + 7 },
      { agentId: 'web-1', source: 'file', name: 'b', lastAt: now + 5 },
    ];
    expect(await list({ agentId: 'web-1' })).toEqual(own);
    expect(await list({ source: 'file' })).toEqual(own);
    expect((await list({})).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('flushes what one process has printed, or all, and nothing else', async () => {
    const printed = (name: string, count: number) =>
      Array.from({ length: count }, (_, index) =>
        line(`${name} ${index}`, now + index * 500, { source: 'service', name }),
      );
    await keep([...printed('api', 400), ...printed('web', 300), line('api', now, { name: 'api' })]);
    await keep(printed('api', 200), 'web-2');
    const flush = (process: string | null) => store.bus.request(servicelogFlush, { process });
    await expect(flush('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await flush('api')).toEqual({ deleted: 600 });
    expect((await store.total()).total).toBe(301);
    expect((await store.total({ source: 'service' })).total).toBe(300);
    await keep(printed('api', 10));
    expect(await flush(null)).toEqual({ deleted: 310 });
    expect(await flush(null)).toEqual({ deleted: 0 });
    expect(await store.find({ name: 'api' })).toEqual(['api']);
    expect(await store.total()).toEqual({ total: 1, isEstimate: false });
    await store.maintenance.tidy();
    expect(await store.total()).toEqual({ total: 1, isEstimate: false });
  });

  it('forgets streams of which nothing is left, and takes their lines when they come back', async () => {
    await keep([line('x', now, { source: 'service', name: 'gone' })]);
    await store.bus.request(servicelogFlush, { process: 'gone' });
    await store.rows(`UPDATE logs.stream SET last_at = now() - interval '20 days'`);
    await store.rows('DELETE FROM logs.volume WHERE lines <= 0');
    await store.maintenance.tidy();
    expect((await store.bus.request(logsourceList, {})).sources).toEqual([]);
    await keep([line('back', now, { source: 'service', name: 'gone' })]);
    await eventually(async () => expect(await store.find({ source: 'service' })).toEqual(['back']));
  });
});
