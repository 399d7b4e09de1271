import { LapwingError, auditOccurred, type PayloadOf } from '@lapwing/contracts';
import { EventFeed } from '@lapwing/bus';
import { eventually } from '@lapwing/testing';
import { connect } from 'node:net';
import { hashOf } from '../src/http/credential';
import { Harness, principal } from './harness';
import { LogStore, WRITTEN, logEntry } from './log-store';

interface Logs {
  entries: { id: string; message: string }[];
  total: number;
  total_is_estimate: boolean;
  next_cursor: string | null;
}

const VIEWER = ['dashboard:view', 'alerts:view', 'nodes:view', 'logs:view'];

describe('logs', () => {
  let gateway: Harness;
  let store: LogStore;
  const as = (name: string, permissions: string[]) => {
    gateway.behind.principals.set(hashOf(name), principal(permissions));
    return { authorization: `Bearer ${name}` };
  };
  const search = async (query = ''): Promise<Logs> => {
    const { status, body } = await gateway.get(`/api/v1/logs${query}`);
    expect(status).toBe(200);
    return body as Logs;
  };

  beforeAll(async () => {
    gateway = await Harness.start();
    store = await LogStore.play(gateway);
  });
  beforeEach(() => {
    Object.assign(store, { entries: [], fitting: 1000, asked: [], buckets: [], sources: [], refusals: {} });
    store.total = { total: 0, isEstimate: false };
  });
  afterAll(() => gateway.stop());

  describe('searched', () => {
    it('are shown as Tyto knows them, with all filters asked of log-store', async () => {
      const fields = { pid: '1234', stream: 'err' };
      const line = { source: 'journal' as const, name: 'nginx.service', level: 'error' as const, fields };
      store.store('web-1', [logEntry('connect() failed', line)]);
      store.total = { total: 1, isEstimate: false };
      const query = new URLSearchParams({
        agent_id: 'web-1',
        source: 'journal',
        source_name: 'nginx.service',
        level: 'warning, error',
        q: '"connect" -x',
        pattern: '(a+)+$|\\d{3}',
        stream: 'err',
        from: '2026-01-15T10:30:00Z',
        to: '2026-01-15T12:30:00+01:00',
        limit: '10',
        offset: '5',
      });
      expect((await gateway.get(`/api/v1/logs?${query}`)).body).toMatchObject({ entries: [], total: 1 });
      query.set('to', '2026-01-15T11:30:01Z');
      query.set('offset', '0');
      expect((await gateway.get(`/api/v1/logs?${query}`)).body).toEqual({
        entries: [
          {
            id: store.entries[0]?.id,
            timestamp: '2026-01-15T10:30:00.123Z',
            agent_id: 'web-1',
            source: 'journal',
            source_name: 'nginx.service',
            level: 'error',
            message: 'connect() failed',
            fields,
          },
        ],
        total: 1,
        total_is_estimate: false,
        next_cursor: null,
      });
      const filter = {
        agentId: 'web-1',
        source: 'journal',
        name: 'nginx.service',
        levels: ['warning', 'error'],
        query: '"connect" -x',
        pattern: '(a+)+$|\\d{3}',
        stream: 'err',
        from: Date.UTC(2026, 0, 15, 10, 30),
        to: Date.UTC(2026, 0, 15, 11, 30, 1),
      };
      expect(store.questions('list')[1]).toEqual({ filter, limit: 10, offset: 0, after: null });
      expect(store.questions('count')[1]).toEqual({ filter });
    });

    it('come in pages of any size, however few fit into an answer, by cursor or by offset', async () => {
      store.store(
        'web-1',
        Array.from({ length: 1200 }, (_, index) => logEntry(`line ${index}`, { time: WRITTEN + index })),
      );
      store.fitting = 130;
      const all: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Logs = await search(`?limit=500${cursor === null ? '' : `&after=${cursor}`}`);
        all.push(...page.entries.map(({ message }) => message));
        cursor = page.next_cursor;
      } while (cursor !== null);
      expect(all).toEqual(Array.from({ length: 1200 }, (_, index) => `line ${1199 - index}`));
      const page = await search('?limit=200&offset=1100');
      expect(page.entries.map(({ message }) => message)).toEqual(all.slice(1100));
      expect((await search()).entries).toHaveLength(100);
    });

    it('come without a count that takes too long, but with any other refusal none do', async () => {
      store.store('web-1', [logEntry('one'), logEntry('two')]);
      store.refusals['count'] = new LapwingError('TIMEOUT', 'too long');
      expect(await search('?limit=1')).toMatchObject({ entries: [{}], total: 1, total_is_estimate: true });
      expect(await search('?offset=1')).toMatchObject({ entries: [{}], total: 2, total_is_estimate: false });
      store.refusals['count'] = new LapwingError('UNAVAILABLE', 'the database is away');
      expect((await gateway.get('/api/v1/logs')).status).toBe(503);
      store.refusals = { list: new LapwingError('INVALID_INPUT', 'this pattern is not for PostgreSQL') };
      expect(await gateway.get('/api/v1/logs?pattern=x')).toMatchObject({
        status: 400,
        body: { success: false, code: 'INVALID_INPUT', error: 'this pattern is not for PostgreSQL' },
      });
      store.refusals = { list: new LapwingError('TIMEOUT', 'narrow it') };
      expect(await gateway.get('/api/v1/logs')).toMatchObject({ status: 503, body: { error: 'narrow it' } });
    });

    it('are data, whatever stands in them', async () => {
      const bad = '\u001b[31mred\u001b[0m\r\nX: y\u0007\u202e';
      store.store('web-1', [logEntry(bad, { name: bad, fields: { [bad]: bad } })]);
      const clean = 'red X: y\ufffd\ufffd';
      expect((await search()).entries[0]).toMatchObject({
        message: 'red\nX: y\ufffd\ufffd',
        source_name: clean,
        fields: { [clean]: clean },
      });
    });

    it.each([
      ['limit=1e9', '"limit": a whole number, 1 to 1000'],
      ['limit=0', '1 to 1000'],
      ['limit=1001', '1 to 1000'],
      ['offset=-1', '0 to 10000'],
      ['offset=10001', '"after"'],
      ['level=fatal', 'debug, info, notice, warning, error, critical'],
      ['level=error,', 'separated by commas'],
      ['source=syslog', 'journal, file, docker, service'],
      ['stream=both', 'out or err'],
      ['from=2026-01-15T10:00:00Z&to=2026-01-15T10:00:00Z', '"from" must be before "to"'],
      ['from=yesterday', 'ISO 8601'],
      [`q=${'x'.repeat(1001)}`, 'at most 1000 characters'],
      ['q=', 'not empty'],
      ['q=a%00b', 'without NUL'],
      ['q=a%ff', 'not UTF-8'],
      ['q=100%', 'not UTF-8'],
      ['q=a&q=b', '"q"'],
      ['level=error&level=info', '"level"'],
      ['pattern=(a)%5C1', 'no back-references'],
      ['pattern=%5B', 'missing closing'],
      ['pattern=(a%7B300%7D%7Cb%7B300%7D)', 'too large'],
      [`pattern=${'x'.repeat(501)}`, 'at most 500 characters'],
      ['after=1&offset=0', '"after"'],
      ['after=a-b-c-d&offset=1', 'do not go together'],
      ['agent_id=..%2F..', '"agent_id"'],
      ['source_name=a%00', 'without NUL'],
    ])('refuse %s with a sentence', async (query, sentence) => {
      const { status, body } = await gateway.raw(`/api/v1/logs?${query}`);
      const answer = JSON.parse(body) as { success: boolean; code: string; error: string };
      expect({ status, ...answer }).toMatchObject({ status: 400, success: false, code: 'INVALID_INPUT' });
      expect(answer.error).toContain(sentence);
      expect(store.asked).toEqual([]);
    });

    it('outlive a query of a megabyte', async () => {
      const { hostname, port } = new URL(gateway.url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
      // Whoever is refused while he still sends may be cut off.
      socket.on('error', () => {});
      socket.write(`GET /api/v1/logs?q=${'x'.repeat(2 ** 20)} HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
      await eventually(() => expect(socket.destroyed).toBe(true));
      expect(answer).toMatch(/^HTTP\/1\.1 431 /);
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual({
        success: false,
        code: 'TOO_LARGE',
        error: expect.stringContaining('16 KiB') as string,
        details: {},
      });
      await search();
    });
  });

  describe('counted over time', () => {
    it('are told for every bucket, those without lines included', async () => {
      const from = Date.UTC(2026, 0, 15, 10);
      store.buckets = [{ time: from + 120_000, counts: { error: 2, debug: 1 } }];
      const path = '/api/v1/logs/volume?from=2026-01-15T10:00:00Z&to=2026-01-15T10:05:00Z&step=1m&level=error,debug';
      const { status, body } = await gateway.get(path);
      const { buckets, ...rest } = body as { buckets: { timestamp: string; total: number }[] };
      expect({ status, ...rest }).toEqual({
        status: 200,
        from: '2026-01-15T10:00:00.000Z',
        to: '2026-01-15T10:05:00.000Z',
        step: 60,
      });
      expect(buckets.map(({ total }) => total)).toEqual([0, 0, 3, 0, 0]);
      expect(buckets[2]).toEqual({
        timestamp: '2026-01-15T10:02:00.000Z',
        total: 3,
        debug: 1,
        info: 0,
        notice: 0,
        warning: 0,
        error: 2,
        critical: 0,
      });
      expect(store.questions('volume')).toMatchObject([
        { step: 60, filter: { from, to: from + 300_000, levels: ['error', 'debug'] } },
      ]);
    });

    it('are those of the last hour by the minute, unless something else is said', async () => {
      const { body } = await gateway.get('/api/v1/logs/volume');
      const { from, to, step, buckets } = body as { from: string; to: string; step: number; buckets: object[] };
      expect(Date.parse(to) - Date.parse(from)).toBe(3_600_000);
      expect(Math.abs(Date.parse(to) - Date.now())).toBeLessThan(60_000);
      expect(step).toBe(60);
      expect([60, 61]).toContain(buckets.length);
    });

    it.each([
      ['step=0', '"step"'],
      ['step=1w', '"step"'],
      ['from=2026-01-15T10:00:00Z&to=2026-01-15T11:00:00Z&step=1', 'at most 1000 buckets'],
      ['from=2026-01-15&to=2026-01-14', '"from" must be before "to"'],
      ['pattern=(', 'RE2'],
      ['q=%ff', 'not UTF-8'],
    ])('refuse %s', async (query, sentence) => {
      const { status, body } = await gateway.raw(`/api/v1/logs/volume?${query}`);
      expect({ status, error: (JSON.parse(body) as { error: string }).error }).toEqual({
        status: 400,
        error: expect.stringContaining(sentence) as string,
      });
    });
  });

  it('tell which there are', async () => {
    store.sources = [
      { agentId: 'web-1', source: 'journal', name: 'nginx.service', lastAt: WRITTEN },
      { agentId: 'web-2', source: 'file', name: '/var/log/\u001b[1mx', lastAt: null },
    ];
    expect(await gateway.get('/api/v1/logs/sources?agent_id=web-1&source=journal')).toMatchObject({
      status: 200,
      body: {
        sources: [
          {
            agent_id: 'web-1',
            source: 'journal',
            source_name: 'nginx.service',
            last_seen: '2026-01-15T10:30:00.123Z',
          },
          { agent_id: 'web-2', source: 'file', source_name: '/var/log/x', last_seen: null },
        ],
      },
    });
    expect(store.questions('sources')).toEqual([{ agentId: 'web-1', source: 'journal' }]);
    expect((await gateway.get('/api/v1/logs/sources?source=x')).status).toBe(400);
  });

  describe('of processes', () => {
    const service = (message: string, stream: string | undefined, name = 'gateway') =>
      logEntry(message, { source: 'service', name, fields: stream === undefined ? {} : { stream } });
    const printed = async (query = '') => {
      const { status, body } = await gateway.get(`/api/v1/system/logs${query}`);
      expect(status).toBe(200);
      return body as { logs: { message: string; type: string }[]; processes: string[] };
    };
    const messages = async (query: string) => (await printed(query)).logs.map(({ message }) => message);

    it('are shown as Supascale knows them, the oldest of the newest first', async () => {
      store.store('web-1', [service('a', 'out'), service('b', 'err', 'auth'), service('c', undefined)]);
      store.store('web-1', [logEntry('of a file')], 2);
      store.sources = ['gateway', 'auth', 'gateway'].map((name, index) => ({
        agentId: `web-${index}`,
        source: 'service',
        name,
        lastAt: WRITTEN,
      }));
      const timestamp = '2026-01-15T10:30:00.123Z';
      expect(await printed()).toEqual({
        logs: [
          { timestamp, type: 'out', process: 'gateway', message: 'a' },
          { timestamp, type: 'err', process: 'auth', message: 'b' },
          { timestamp, type: 'out', process: 'gateway', message: 'c' },
        ],
        processes: ['auth', 'gateway'],
      });
      expect(await messages('?lines=2')).toEqual(['b', 'c']);
      expect(await messages('?type=err')).toEqual(['b']);
      expect(await messages('?type=out')).toEqual(['a', 'c']);
      expect(await messages('?type=out&lines=1')).toEqual(['c']);
      expect(await messages('?process=auth')).toEqual(['b']);
      expect(await messages('?process=nobody')).toEqual([]);
    });

    it('are as many as were asked for, in order', async () => {
      const lines = Array.from({ length: 6000 }, (_, index) => service(`line ${index}`, 'out'));
      store.store('web-1', lines);
      store.fitting = 700;
      const expected = (count: number) => lines.slice(-count).map(({ message }) => message);
      expect(await messages('?lines=5000')).toEqual(expected(5000));
      expect(await messages('?lines=5000&type=out')).toEqual(expected(5000));
      expect(await messages('')).toEqual(expected(100));
    });

    it('of out are found behind many of err', async () => {
      store.store('web-1', [service('old', 'out')]);
      store.store(
        'web-1',
        Array.from({ length: 5500 }, () => service('noise', 'err')),
        2,
      );
      store.store('web-1', [service('new', undefined)], 3);
      expect(await messages('?type=out')).toEqual(['old', 'new']);
    });

    it.each(['lines=0', 'lines=5001', 'lines=ten', 'type=both', 'process=', 'process=a&process=b', 'process=%ff'])(
      'refuse %s',
      async (query) => {
        const { status, body } = await gateway.raw(`/api/v1/system/logs?${query}`);
        expect({ status, body: JSON.parse(body) as object }).toMatchObject({
          status: 400,
          body: { success: false, error: expect.any(String) as string },
        });
      },
    );

    it('are flushed, one or all, and the audit trail tells', async () => {
      const told: PayloadOf<typeof auditOccurred>[] = [];
      const feed = new EventFeed(gateway.bus, auditOccurred, ({ payload }) => told.push(payload));
      feed.start();
      const flush = (query = '') => gateway.send('DELETE', `/api/v1/system/logs${query}`);
      const flushed = { status: 200, body: { success: true, message: 'Logs flushed' } };
      expect(await flush()).toEqual(flushed);
      expect(await flush('?process=auth')).toEqual(flushed);
      store.refusals['flush'] = new LapwingError('NOT_FOUND', 'no process "nobody" has a log');
      expect(await flush('?process=nobody')).toMatchObject({
        status: 404,
        body: { success: false, error: 'no process "nobody" has a log' },
      });
      expect(await flush('?process=a&process=b')).toMatchObject({ status: 400 });
      expect(store.questions('flush')).toEqual([{ process: null }, { process: 'auth' }, { process: 'nobody' }]);
      await eventually(() => expect(told.map(({ target }) => target)).toContain('auth'));
      expect(told.map(({ type, action, actor }) => `${type} ${action} ${actor.name}`)).toContain(
        'logs flushed token:test',
      );
      expect(told.map(({ target }) => target)).not.toContain('nobody');
      await feed.stop();
    });
  });

  describe('are for whoever may see them', () => {
    const reads = ['/api/v1/logs', '/api/v1/logs/volume', '/api/v1/logs/sources'];

    it('by role', async () => {
      const viewer = as('viewer', VIEWER);
      const blind = as('blind', ['dashboard:view', 'system:write']);
      const reader = as('reader', ['system:read']);
      for (const path of reads) {
        expect({ path, status: (await gateway.get(path, viewer)).status }).toEqual({ path, status: 200 });
        for (const who of [blind, reader])
          expect({ path, status: (await gateway.get(path, who)).status }).toEqual({ path, status: 403 });
      }
      const path = '/api/v1/system/logs';
      expect((await gateway.get(path, reader)).status).toBe(200);
      expect((await gateway.get(path, viewer)).status).toBe(403);
      expect((await gateway.send('DELETE', path, undefined, reader)).status).toBe(403);
      expect((await gateway.send('DELETE', path, undefined, blind)).status).toBe(200);
      expect((await gateway.get('/api/v1/logs/stream', blind)).status).toBe(403);
    });

    it('and not for everybody where there are tokens and no users', async () => {
      gateway.behind.security.users = false;
      try {
        await eventually(async () => expect((await gateway.get('/api/state', {})).status).toBe(200), 10_000);
        for (const path of [...reads, '/api/v1/logs/stream', '/api/v1/system/logs'])
          expect({ path, status: (await gateway.get(path, {})).status }).toEqual({ path, status: 401 });
        expect((await gateway.send('DELETE', '/api/v1/system/logs', undefined, {})).status).toBe(401);
      } finally {
        gateway.behind.security.users = true;
      }
    });
  });
});
