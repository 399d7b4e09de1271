import { LapwingError, type LogEntry } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { connect, type Socket } from 'node:net';
import { hashOf } from '../src/http/credential';
import { ADMIN_TOKEN, Follower, Harness, principal } from './harness';
import { LogStore, WRITTEN, collected, logEntry } from './log-store';

type Line = { id: string; message: string; timestamp: string };

const lines = (count: number, name = 'line'): LogEntry[] =>
  Array.from({ length: count }, (_, index) => logEntry(`${name} ${index}`, { time: WRITTEN + index }));
const texts = (entries: LogEntry[]) => entries.map(({ message }) => message);

describe('logs, live', () => {
  let gateway: Harness;
  let store: LogStore;
  const followers: Follower[] = [];
  const follow = async (query = '', headers: Record<string, string> = {}): Promise<Follower> => {
    const follower = await Follower.open(`${gateway.url}/api/v1/logs/stream${query}`, {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...headers,
    });
    followers.push(follower);
    return follower;
  };
  const got = ({ events }: Follower) =>
    events.flatMap(({ event, data }) => (event === 'log' ? [(data as Line).message] : []));
  const consumers = async (): Promise<number> => {
    const { manager } = gateway.bus.connection.link();
    return (await manager.streams.info('LOGS')).state.consumer_count;
  };
  /** A follower that hears what is said from now on. */
  const joined = async (query = '', headers: Record<string, string> = {}): Promise<Follower> => {
    const follower = await follow(query, headers);
    await eventually(() => expect(follower.resumesAt).not.toBe(''));
    return follower;
  };

  beforeEach(async () => {
    gateway = await Harness.start();
    store = await LogStore.play(gateway);
  });
  afterEach(async () => {
    for (const follower of followers.splice(0)) follower.close();
    await gateway.stop();
  });

  it('are followed only while somebody watches, from then on, and are shown as in the list', async () => {
    await collected(gateway, lines(3, 'before'));
    expect(await consumers()).toBe(0);
    const first = await joined();
    await eventually(async () => expect(await consumers()).toBe(1));
    const fields = { pid: '7', stream: 'err' };
    const entry = logEntry('failed', { source: 'journal', name: 'a.service', level: 'error', fields });
    const position = await collected(gateway, [logEntry('began'), entry]);
    await eventually(() => expect(first.events).toHaveLength(2));
    expect(first.events[1]).toEqual({
      id: `${position}-1`,
      event: 'log',
      data: {
        id: `${position}-1`,
        timestamp: '2026-01-15T10:30:00.123Z',
        agent_id: 'web-1',
        source: 'journal',
        source_name: 'a.service',
        level: 'error',
        message: 'failed',
        fields,
      },
    });
    first.close();
    await eventually(async () => expect(await consumers()).toBe(0));
    await collected(gateway, lines(1, 'unseen'));
    const second = await joined();
    await collected(gateway, lines(2, 'again'));
    await eventually(() => expect(got(second)).toEqual(['again 0', 'again 1']));
  });

  it('come to each as his filter says', async () => {
    const by = async (query: string) => ({ query, follower: await joined(query) });
    const followed = [
      await by(''),
      await by('?agent_id=web-2'),
      await by('?source=docker&level=error,critical'),
      await by('?source_name=db'),
      await by('?q=refused%20-timeout'),
      await by('?q=nection%20ref'),
      await by('?pattern=10%5C.%5Cd%2B'),
      await by('?stream=out'),
    ];
    const docker = { source: 'docker' as const, name: 'web', level: 'error' as const, fields: { stream: 'err' } };
    await collected(gateway, [
      logEntry('a: connection refused', docker),
      logEntry('b: refused, timeout', { name: 'db' }),
      logEntry('c: from 10.7', { fields: { stream: 'out' } }),
    ]);
    await collected(gateway, [logEntry('d: nothing', docker)], { agentId: 'web-2' });
    const letters = () =>
      followed.map(
        ({ query, follower }) =>
          `${query} ${got(follower)
            .map(([one]) => one)
            .join('')}`,
      );
    await eventually(() =>
      expect(letters()).toEqual([
        ' abcd',
        '?agent_id=web-2 d',
        '?source=docker&level=error,critical ad',
        '?source_name=db b',
        '?q=refused%20-timeout a',
        '?q=nection%20ref a',
        '?pattern=10%5C.%5Cd%2B c',
        '?stream=out c',
      ]),
    );
  });

  it('are data: what an agent sends cannot look like an event, a line of its own, or a command to a terminal', async () => {
    const follower = await joined();
    const bad = '\u001b]0;x\u0007\u001b[31mred\r\n\r\nevent: error\rdata: {}\u2028x\u0000';
    await collected(gateway, [logEntry(bad, { name: bad, fields: { [bad]: bad } }), logEntry('good')]);
    await eventually(() => expect(follower.events).toHaveLength(2));
    const name = 'red event: error data: {} x\ufffd';
    expect(follower.events[0]).toMatchObject({
      event: 'log',
      data: { message: 'red\n\nevent: error data: {} x\ufffd', source_name: name, fields: { [name]: name } },
    });
  });

  it('leave out what lay in a collector for long: that is history', async () => {
    const follower = await joined();
    await collected(gateway, lines(2, 'old'), { readAt: Date.now() - 400_000 });
    await collected(gateway, lines(2, 'new'), { seq: 2 });
    await eventually(() => expect(got(follower)).toEqual(['new 0', 'new 1']));
  });

  describe('with older lines first', () => {
    it('begin with as many as were asked for, the oldest of them first, and none comes twice', async () => {
      const old = lines(5, 'old');
      await collected(gateway, old, { seq: 3 });
      store.store('web-1', old, 3);
      const late = lines(2, 'late').map((entry) => ({ ...entry, time: WRITTEN + 100 }));
      // Read and said, but not stored yet.
      await collected(gateway, late, { seq: 4 });
      const follower = await joined('?limit=5');
      const expected = ['old 2', 'old 3', 'old 4', 'late 0', 'late 1'];
      await eventually(() => expect(got(follower)).toEqual(expected));
      expect(follower.events[0]?.data).toMatchObject({ id: store.entries[2]?.id });
      await collected(gateway, lines(1, 'new'), { seq: 5 });
      await eventually(() => expect(got(follower)).toEqual([...expected, 'new 0']));
      const all = await joined('?limit=1000&from=2026-01-15T10:30:00.126Z');
      await eventually(() => expect(got(all)).toEqual(['old 3', 'old 4', 'late 0', 'late 1']));
    });

    it('begin without a hole and without a double while lines keep coming and are stored at once', async () => {
      let seq = 0;
      const say = async (): Promise<void> => {
        const entries = [logEntry(`${++seq}`, { time: WRITTEN + seq })];
        await collected(gateway, entries, { seq });
        store.store('web-1', entries, seq);
      };
      for (let count = 0; count < 50; count++) await say();
      const saying = (async () => {
        for (let count = 0; count < 300; count++) await say();
      })();
      const several = await Promise.all([1, 2, 3].map(() => follow('?limit=1000')));
      await saying;
      const expected = Array.from({ length: 350 }, (_, index) => `${index + 1}`);
      for (const follower of several) await eventually(() => expect(got(follower)).toEqual(expected));
    });

    it('go on without them when log-store is away', async () => {
      store.refusals['list'] = new LapwingError('UNAVAILABLE', 'the database is away');
      const follower = await joined('?limit=5');
      await collected(gateway, lines(1));
      await eventually(() =>
        expect(follower.events).toMatchObject([
          { event: 'gap', data: { reason: expect.stringContaining('the database is away') as string } },
          { event: 'log' },
        ]),
      );
    });
  });

  describe('after Last-Event-ID', () => {
    it('resume in the middle of a message, by filter, also over a restart of NATS', async () => {
      const first = await joined();
      await collected(gateway, lines(5, 'a'));
      await eventually(() => expect(got(first)).toHaveLength(5));
      const id = first.events[1]?.id ?? '';
      first.close();
      await collected(gateway, lines(1, 'b'), { agentId: 'web-2' });
      await gateway.nats.kill();
      await gateway.nats.run();
      await eventually(() => collected(gateway, lines(2, 'c'), { seq: 2 }));
      const second = await eventually(async () => {
        const follower = await follow('', { 'last-event-id': id });
        await eventually(() => follower.ended || follower.events.length >= 6);
        expect(got(follower)).toEqual(['a 2', 'a 3', 'a 4', 'b 0', 'c 0', 'c 1']);
        return follower;
      });
      const other = await follow('?agent_id=web-2&limit=100', { 'last-event-id': id });
      await eventually(() => expect(got(other)).toEqual(['b 0']));
      await collected(gateway, lines(1, 'd'), { seq: 3 });
      await eventually(() => expect(got(second).at(-1)).toBe('d 0'));
      expect(got(other)).toEqual(['b 0']);
    });

    it('resume where they began, when nothing came before the connection was lost', async () => {
      const first = await joined();
      first.close();
      await collected(gateway, lines(2));
      const second = await follow('', { 'last-event-id': first.resumesAt });
      await eventually(() => expect(got(second)).toEqual(['line 0', 'line 1']));
    });

    it('resume where they were, though no line was for them for long', async () => {
      const first = await joined('?q=never');
      const position = await collected(gateway, lines(3));
      await eventually(() => expect(first.resumesAt).toBe(`${position}`));
      expect(first.events).toEqual([]);
      first.close();
      const next = await collected(gateway, [logEntry('never'), ...lines(1)], { seq: 2 });
      const second = await follow('?q=never', { 'last-event-id': first.resumesAt });
      await eventually(() => expect(second.events).toMatchObject([{ id: `${next}-0` }]));
    });

    it('resume while lines keep coming: none is missing, none comes twice', async () => {
      const first = await joined();
      let seq = 0;
      const say = () => collected(gateway, [logEntry(`${++seq}`)], { seq });
      await say();
      await eventually(() => expect(first.events).toHaveLength(1));
      for (let count = 0; count < 200; count++) await say();
      const saying = (async () => {
        for (let count = 0; count < 200; count++) await say();
      })();
      const second = await follow('', { 'last-event-id': first.events[0]?.id ?? '' });
      await saying;
      const expected = Array.from({ length: 400 }, (_, index) => `${index + 2}`);
      await eventually(() => expect(got(second)).toEqual(expected));
      expect(got(first)).toEqual(['1', ...expected]);
    });

    it('hear a batch once that a collector sends again', async () => {
      const follower = await joined();
      for (const text of ['one', 'one']) await collected(gateway, lines(1, text), { seq: 77 });
      await collected(gateway, lines(1, 'two'), { seq: 78 });
      await eventually(() => expect(got(follower)).toContain('two 0'));
      expect(got(follower)).toEqual(['one 0', 'two 0']);
    });

    it('follow a server that lost its stream on', async () => {
      const follower = await joined();
      await collected(gateway, lines(1, 'a'));
      await eventually(() => expect(got(follower)).toEqual(['a 0']));
      await gateway.nats.kill();
      await gateway.nats.forget();
      await gateway.nats.run();
      await eventually(() => collected(gateway, lines(2, 'b')));
      await eventually(() => expect(got(follower)).toEqual(['a 0', 'b 0', 'b 1']));
    });

    it('give back 10,000 lines at most, and say where some are missing', async () => {
      const first = await joined();
      first.close();
      for (let seq = 1; seq <= 21; seq++) await collected(gateway, lines(500, `${seq}`), { seq });
      const second = await follow('', { 'last-event-id': first.resumesAt });
      await eventually(() => expect(second.events.map(({ event }) => event)).toContain('gap'));
      expect(texts(lines(500, '20'))).toEqual(got(second).slice(-500));
      expect(got(second)).toHaveLength(10_000);
      const last = await collected(gateway, lines(1, 'on'), { seq: 22 });
      await eventually(() => expect(second.events.at(-1)?.id).toBe(`${last}-0`));
      const far = await follow('', { 'last-event-id': `${last + 1000}-0` });
      await eventually(() => expect(far.events).toMatchObject([{ event: 'gap' }]));
    });

    it.each(['nonsense', '-1', '1-', "1' OR 1", '1-2-3'])('refuse "%s"', async (id) => {
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'last-event-id': id };
      expect(await gateway.get('/api/v1/logs/stream', headers)).toMatchObject({
        status: 400,
        body: { error: expect.stringContaining('Last-Event-ID') as string },
      });
    });
  });

  it.each(['limit=1001', 'limit=-1', 'offset=-1', 'level=x', 'from=2026-01-02&to=2026-01-01', 'pattern=(', 'q=%ff'])(
    'refuse %s',
    async (query) => {
      expect((await gateway.get(`/api/v1/logs/stream?${query}`)).status).toBe(400);
      expect(await consumers()).toBe(0);
    },
  );

  it('come by token in the query, until the token ends', async () => {
    gateway.behind.principals.set(hashOf('brief'), principal(['logs:view']));
    const follower = await Follower.open(`${gateway.url}/api/v1/logs/stream?token=brief`, {});
    followers.push(follower);
    gateway.revoke('brief');
    await eventually(() => expect(follower.ended).toBe(true));
    expect(follower.events.at(-1)).toMatchObject({ event: 'error' });
    await eventually(async () => expect(await consumers()).toBe(0));
  });

  describe('to those who hold others up', () => {
    const slow = (query = '', headers = ''): Socket => {
      const { hostname, port } = new URL(gateway.url);
      const socket = connect(Number(port), hostname).pause();
      const credential = `authorization: Bearer ${ADMIN_TOKEN}\r\n${headers}`;
      socket.write(`GET /api/v1/logs/stream${query} HTTP/1.1\r\nhost: ${hostname}\r\n${credential}\r\n`);
      return socket;
    };
    const tail = (socket: Socket) => {
      const read = { text: '' };
      socket.on('data', (chunk: Buffer) => (read.text = (read.text + chunk.toString()).slice(-2000)));
      socket.resume();
      return read;
    };
    const watching = async (): Promise<number> => {
      const { body } = await gateway.raw('/metrics');
      return Number(/^lapwing_log_followers (\d+)/m.exec(body)?.[1]);
    };
    const fat = (count: number) =>
      Array.from({ length: count }, (_, index) => logEntry(`${index} ${'x'.repeat(16_000)}`));

    it('are dropped with a reason when they read too slowly; others go on', async () => {
      const quick = await joined();
      const socket = slow();
      await eventually(async () => expect(await watching()).toBe(2));
      const count = 1000;
      for (let seq = 1; seq <= count / 40; seq++) await collected(gateway, fat(40), { seq });
      await eventually(() => expect(got(quick)).toHaveLength(count), 20_000);
      const read = tail(socket);
      await eventually(() => expect(read.text).toContain('event: dropped'));
      expect(read.text).toContain('reads more slowly');
      socket.destroy();
      expect(quick.ended).toBe(false);
    });

    it('are dropped with a reason when their filter takes too long; others go on', async () => {
      const quick = await joined('?limit=0');
      const greedy = await joined('?pattern=a%5Bab%5D%7B95%7Dc');
      let random = 12_345;
      const letter = () => ((random = (random * 1_103_515_245 + 12_345) & 0x7fffffff) & 65_536 ? 'a' : 'b');
      const line = Array.from({ length: 16_000 }, letter).join('');
      const count = 200;
      for (let seq = 1; seq <= count / 40; seq++) await collected(gateway, lines(40, line), { seq });
      await eventually(() => expect(greedy.ended).toBe(true), 20_000);
      expect(greedy.events).toMatchObject([
        { event: 'dropped', data: { reason: expect.stringContaining('takes too long') as string } },
      ]);
      await eventually(() => expect(got(quick)).toHaveLength(count), 20_000);
    });

    it('are waited for while they take what they missed', async () => {
      const first = await joined();
      first.close();
      const count = 1000;
      for (let seq = 1; seq <= count / 40; seq++) await collected(gateway, fat(40), { seq });
      const second = await follow('', { 'last-event-id': first.resumesAt });
      await eventually(() => expect(got(second)).toHaveLength(count), 20_000);
      expect(second.events.map(({ event }) => event)).not.toContain('dropped');
    });
  });
});
