import { logentryList, type LogEntry } from '@lapwing/contracts';
import { databaseKinds, eventually } from '@lapwing/testing';
import { Harness, batch, line } from './harness';

const MINUTE = 60_000;
const HOUR = 3_600_000;

describe.each(databaseKinds())('searching lines on %s', (kind) => {
  let store: Harness;
  let now: number;
  let seq: number;

  beforeAll(async () => {
    store = await Harness.start(kind);
  });
  afterAll(() => store.stop());
  beforeEach(async () => {
    // an index may be being built just now
    await eventually(() => store.rows('TRUNCATE logs.entry, logs.volume, logs.batch, logs.outbox'));
    now = Date.now() - 10 * MINUTE;
    seq = 0;
  });

  /** Stores lines of an agent, and waits for them. */
  const keep = async (entries: LogEntry[], agentId = 'web-1'): Promise<void> => {
    const before = await store.count();
    seq++;
    await store.send([batch(seq, entries)], { agentId, outbox: `${agentId.replace(/\W/g, '')}00000000`.slice(0, 12) });
    await store.until(before + entries.length);
  };
  const texts = (...messages: string[]): LogEntry[] =>
    messages.map((message, index) => line(message, now + index * 1000));

  describe('by what is known of lines', () => {
    beforeEach(async () => {
      await keep([
        line('one', now, { source: 'journal', name: 'nginx.service', level: 'error' }),
        line('two', now + 1000, { source: 'journal', name: 'sshd.service', level: 'warning' }),
        line('three', now + 2 * MINUTE, { source: 'service', name: 'api', fields: { stream: 'err' } }),
        line('four', now + 3 * MINUTE, { source: 'service', name: 'api', fields: { stream: 'out', pid: '7' } }),
      ]);
      await keep([line('five', now + 90_000, { source: 'docker', name: 'nginx.service', level: 'critical' })], 'web-2');
    });

    it.each([
      ['nothing', {}, ['four', 'three', 'five', 'two', 'one']],
      ['agent', { agentId: 'web-2' }, ['five']],
      ['agent without lines', { agentId: 'web-9' }, []],
      ['source', { source: 'journal' }, ['two', 'one']],
      ['name', { name: 'nginx.service' }, ['five', 'one']],
      ['source and name', { source: 'journal', name: 'nginx.service' }, ['one']],
      ['levels', { levels: ['error', 'critical'] }, ['five', 'one']],
      ['agent and levels', { agentId: 'web-1', levels: ['error', 'critical'] }, ['one']],
      ['stream', { stream: 'err' }, ['three']],
      ['source and stream', { source: 'service', stream: 'out' }, ['four']],
      ['words and a level', { query: 'o', levels: ['critical'] }, []],
      [
        'all at once',
        { agentId: 'web-1', source: 'service', name: 'api', stream: 'out', query: 'four', levels: ['info'] },
        ['four'],
      ],
    ] as const)('filters by %s', async (_, filter, expected) => {
      const wanted = 'levels' in filter ? { ...filter, levels: [...filter.levels] } : filter;
      expect(await store.find(wanted)).toEqual(expected);
      expect(await store.total(wanted)).toEqual({ total: expected.length, isEstimate: false });
    });

    it('filters by time: from an instant on, and before another', async () => {
      expect(await store.find({ from: now + 1000, to: now + 2 * MINUTE })).toEqual(['five', 'two']);
      expect(await store.total({ from: now + 1000, to: now + 2 * MINUTE })).toEqual({ total: 2, isEstimate: false });
      expect(await store.find({ from: now + 1000, to: now + 1001, levels: ['warning'] })).toEqual(['two']);
      expect(await store.find({ from: now + 4 * MINUTE })).toEqual([]);
      await expect(store.find({ from: now, to: now })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    });

    it('gives whole lines', async () => {
      const { entries } = await store.bus.request(logentryList, { filter: { name: 'api' }, limit: 1 });
      expect(entries).toEqual([
        {
          id: expect.stringMatching(/^[0-9a-z-]+$/),
          agentId: 'web-1',
          ...line('four', now + 3 * MINUTE, { source: 'service', name: 'api', fields: { stream: 'out', pid: '7' } }),
        },
      ]);
    });
  });

  it.each([
    ['words in any order', 'refused connection', ['connection was refused', 'connection refused']],
    ['a part of a line', 'nnection ref', ['connection refused']],
    ['in upper or lower case', 'CONNECTION REFUSED', ['connection was refused', 'connection refused']],
    ['a part of a word', 'fuse', ['the fuse box', 'connection was refused', 'connection refused']],
    ['a phrase', '"connection refused"', ['connection refused']],
    ['one or the other', 'fuse or accepted', ['the fuse box', 'accepted 100%_done']],
    ['one without the other', 'connection -was', ['connection refused']],
    ['signs of patterns as themselves', '100%_d', ['accepted 100%_done']],
    ['a sign of patterns that is nowhere', '10_%', []],
    ['a backslash', String.raw`c:\temp`, [String.raw`in C:\temp\x`]],
    ['short words', 'in', [String.raw`in C:\temp\x`]],
    ['a quote that does not end', '"fuse', ['the fuse box']],
    ['nothing but signs', '!!', []],
    ['text of another script', 'ошибка', []],
  ])('finds %s', async (_, query, expected) => {
    await keep(
      texts(
        'connection refused',
        'connection was refused',
        'accepted 100%_done',
        String.raw`in C:\temp\x`,
        'the fuse box',
      ),
    );
    expect(await store.find({ query })).toEqual(expected);
    expect(await store.total({ query })).toEqual({ total: expected.length, isEstimate: false });
  });

  it('finds the same with text indexes and without', async () => {
    const messages = Array.from(
      { length: 3000 },
      (_, index) => `line ${index} ${index % 500 === 7 ? 'rare needle' : 'hay'}`,
    );
    for (let at = 0; at < messages.length; at += 1000)
      await keep(messages.slice(at, at + 1000).map((message, index) => line(message, now + at + index)));
    const queries = ['needle', 'needle rare', 'needl', '"rare needle"', 'rare or 7', 'needle -hay', 'line 1007'];
    const ask = () => Promise.all(queries.map((query) => store.find({ query })));
    const scanned = await ask();
    await store.maintenance.index();
    expect(await ask()).toEqual(scanned);
    expect(scanned.map((found) => found.length)).toEqual([6, 6, 6, 6, 6, 6, 1]);
    expect(await store.find({ pattern: 'line \\d*07 rare', levels: ['info'] })).toHaveLength(5);
  });

  it('pages to the end while lines come: nothing twice, and nothing missed that was there', async () => {
    const there = Array.from({ length: 900 }, (_, index) => `there ${index}`);
    await keep(there.map((message, index) => line(message, now + Math.floor(index / 7))));
    let coming = 0;
    const more = () =>
      store.send([batch(++seq, [line(`coming ${coming++}`, now + coming * 5)])], { outbox: 'coming000000' });
    for (const [filter, limit] of [
      [{}, 100],
      [{ query: 'there' }, 250],
      [{ levels: ['info' as const] }, 100],
      [{ agentId: 'web-1', pattern: '^there' }, 333],
    ] as const) {
      const found = await store.pages('levels' in filter ? { levels: [...filter.levels] } : filter, limit, more);
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      expect(found.map(({ message }) => message).filter((message) => message.startsWith('there'))).toEqual(
        there.toReversed(),
      );
    }
  });

  it('passes over lines by offset, and says when there is no more', async () => {
    await keep(texts('a', 'b', 'c', 'd', 'e'));
    const page = async (limit: number, offset: number, query: string | null = null) => {
      const { entries, next } = await store.bus.request(logentryList, { filter: { query }, limit, offset });
      return [entries.map(({ message }) => message).join(''), next !== null];
    };
    expect(await page(2, 1)).toEqual(['dc', true]);
    expect(await page(2, 3)).toEqual(['ba', false]);
    expect(await page(2, 5)).toEqual(['', false]);
    expect(await page(1, 10_000)).toEqual(['', false]);
    expect(await page(1, 0, 'c')).toEqual(['c', false]);
  });

  it('gives no more than fits into a message, and the rest after it', async () => {
    for (let at = 0; at < 3; at++)
      await keep(
        Array.from({ length: 12 }, (_, index) => line('😀'.repeat(8190) + (at * 12 + index), now + at * 12 + index)),
      );
    const page = await store.bus.request(logentryList, { filter: {}, limit: 1000 });
    expect(page.entries.length).toBeGreaterThan(5);
    expect(page.entries.length).toBeLessThan(36);
    const found = await store.pages({}, 1000);
    expect(found.map(({ message }) => message.slice(8190 * 2))).toEqual(
      Array.from({ length: 36 }, (_, index) => String(35 - index)),
    );
  });

  describe('by a pattern', () => {
    it.each([
      [String.raw`^GET /api/v\d+`, ['GET /api/v1/users 200']],
      [String.raw`\b[45]\d\d$`, ['POST /x 503']],
      ['(?i)get', ['GET /api/v1/users 200']],
      [String.raw`a\.b`, ['a.b']],
      ['a.b', ['two\nlines a\tb', 'a.b']],
      ['two.lines', []],
      ['(?s)two.lines', ['two\nlines a\tb']],
      [String.raw`\Qa.b\E`, ['a.b']],
      ['(?:foo|post)', ['POST /x 503']],
      [String.raw`\A\S+\z`, ['a.b']],
    ])('finds what %s matches', async (pattern, expected) => {
      await keep(texts('a.b', 'POST /x 503', 'GET /api/v1/users 200', 'two\nlines a\tb'));
      expect(await store.find({ pattern })).toEqual(expected);
    });

    it.each(['(', 'a**', String.raw`\pL`, '(?m)^a', 'a{256}', String.raw`(a)\1`, '(?=a)', '((a{1,99}){1,99}){1,99}'])(
      'refuses %s',
      async (pattern) => {
        await keep(texts('aaa'));
        await expect(store.find({ pattern })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
      },
    );

    it('lives through patterns and queries that are meant to hang it', async () => {
      const evil = `${'a'.repeat(16_000)}!`;
      await keep(Array.from({ length: 50 }, (_, index) => line(evil, now + index)));
      for (const pattern of ['(a+)+$', '(a|a)+$', '(a|aa)+$', '(.*a){12}$', '([a-z]+)*x$']) {
        const found = await store.find({ pattern }).then(
          (messages) => messages.length,
          (error: { code?: string }) => error.code,
        );
        expect([0, 'TIMEOUT']).toContain(found);
      }
      for (const query of [
        'a'.repeat(1000),
        '%'.repeat(1000),
        `${'"'.repeat(999)}a`,
        `${'-'.repeat(999)}a`,
        'or '.repeat(333),
        '( & | ! :*',
      ])
        expect(
          await store.find({ query }).then(
            (found) => found.length,
            (error: { code?: string }) => error.code,
          ),
        ).not.toBe('INTERNAL');
      expect(await store.find({ query: '!' }, 1)).toEqual(expect.any(Array));
      expect(await store.total()).toEqual({ total: 50, isEstimate: false });
    });
  });

  it('refuses an id that names no line', async () => {
    const question = { filter: {}, limit: 1, after: 'zzzzzzzzzzz-zzzzzzzzzzz-1-1' };
    await expect(store.bus.request(logentryList, question)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('walks back over long silences to the few lines of a stream or level', async () => {
    await keep([line('long ago', now - 200 * HOUR, { level: 'critical', name: 'rare' })]);
    for (let part = 0; part < 4; part++)
      await keep(Array.from({ length: 1000 }, (_, index) => line('noise', now - part * HOUR - index)));
    expect(await store.find({ levels: ['critical'] })).toEqual(['long ago']);
    expect(await store.find({ name: 'rare' }, 1)).toEqual(['long ago']);
    expect(await store.find({ name: 'rare', query: 'long' })).toEqual(['long ago']);
    expect((await store.pages({ levels: ['info', 'critical'] }, 999)).length).toBe(4001);
  });
});
