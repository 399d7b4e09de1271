import type { LogEntry } from '@lapwing/contracts';
import { ContainerLogServer, DockerEngineServer, eventually } from '@lapwing/testing';
import type { LogPositions } from '../src/sources/log-reader';
import { DockerLogReader } from '../src/sources/docker-log/docker-log.reader';

const SECOND = Math.floor(Date.now() / 1000);
const stamp = (milliseconds: number): string =>
  `${SECOND + Math.floor(milliseconds / 1000)}.${String(milliseconds % 1000).padStart(3, '0')}000007`;
const id = (letter: string): string => letter.repeat(64);

describe('the logs of containers, over the engine’s socket', () => {
  let server: DockerEngineServer;
  let readers: DockerLogReader[] = [];
  let containers: Record<string, unknown>[] = [];
  let positions: LogPositions = {};
  let taken: LogEntry[] = [];

  const add = (
    letter: string,
    name: string,
    { tty = false, State = 'running', Status = 'Up' } = {},
  ): ContainerLogServer => {
    const log = new ContainerLogServer(tty);
    server.logs[id(letter)] = log;
    server.answers[`/containers/${id(letter)}/json`] = () => ({ Config: { Tty: tty } });
    containers.push({ Id: id(letter), Names: [`/${name}`], Image: `${name}:1`, Created: SECOND, State, Status });
    return log;
  };
  const open = async (options = {}): Promise<DockerLogReader> => {
    const reader = new DockerLogReader({ socket: server.socket, perSecond: 100_000, listMs: 25, ...options });
    readers.push(reader);
    await reader.start(positions);
    return reader;
  };
  const readOnce = async (reader: DockerLogReader, max = 1000): Promise<boolean> => {
    const piece = await reader.read(max);
    if (!piece) return false;
    taken.push(...piece.entries);
    positions = JSON.parse(JSON.stringify({ ...positions, ...piece.positions })) as LogPositions;
    return true;
  };
  const readUntil = (reader: DockerLogReader, count: number): Promise<void> =>
    eventually(async () => {
      while (await readOnce(reader));
      expect(taken.length).toBeGreaterThanOrEqual(count);
    });
  const messages = (name?: string): string[] =>
    taken.filter((entry) => name === undefined || entry.name === name).map(({ message }) => message);
  const first = (): LogPositions => ({ docker: { first: stamp(0) } });

  beforeEach(async () => {
    server = await DockerEngineServer.start();
    server.answers['/containers/json'] = () => containers;
    [readers, containers, positions, taken] = [[], [], first(), []];
  });
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader.stop()));
    await server.stop();
  });

  it('are followed, both streams, with a terminal and without', async () => {
    const [web, shell] = [add('a', 'web'), add('b', 'shell', { tty: true })];
    web.chunk = shell.chunk = 1;
    web.print(stamp(1), 'GET / \u001B[31m500\u001B[0m\n');
    web.print(stamp(2), 'part one, ', 'err');
    web.print(stamp(3), 'level=error part two\n', 'err');
    shell.print(stamp(1), 'ERROR: typed\r\n');
    const reader = await open();
    await readUntil(reader, 3);
    web.print(stamp(4), 'plain words to the error stream\n', 'err');
    shell.print(stamp(4), 'more\r\n');
    await readUntil(reader, 5);
    expect(taken.filter(({ name }) => name === 'web')).toEqual([
      {
        source: 'docker',
        name: 'web',
        level: 'info',
        time: SECOND * 1000 + 1,
        message: 'GET / 500',
        fields: { container_id: 'a'.repeat(12), stream: 'out', image: 'web:1' },
      },
      expect.objectContaining({ message: 'part one, level=error part two', time: SECOND * 1000 + 2, level: 'error' }),
      expect.objectContaining({ level: 'info', fields: expect.objectContaining({ stream: 'err' }) }),
    ]);
    expect(taken.filter(({ name }) => name === 'shell').map(({ message, level }) => [message, level])).toEqual([
      ['ERROR: typed', 'error'],
      ['more', 'info'],
    ]);
  });

  it('come once each over restarts and an engine that hangs up at any point', async () => {
    const logs = [add('a', 'web'), add('b', 'shell', { tty: true })];
    let written = 0;
    const total = 600;
    const print = (count: number): void => {
      for (const until = Math.min(written + count, total); written < until; written += 1) {
        // Three lines of the same instant, and one in two pieces.
        const at = stamp(Math.floor(written / 3));
        logs[0]?.print(at, 'line ', written % 2 ? 'out' : 'err');
        logs[0]?.print(at, `${written}\n`, written % 2 ? 'out' : 'err');
        logs[1]?.print(at, `line ${written}\r\n`);
      }
    };
    for (const log of logs) log.chunk = 13;
    print(50);
    for (let round = 0; taken.length < 2 * total; round += 1) {
      expect(round).toBeLessThan(200);
      const reader = await open();
      for (let read = 0; read < round % 4; read += 1) {
        print(23);
        await eventually(() => readOnce(reader, 4 + ((round * 7 + read * 13) % 60)), 300).catch(() => false);
        if (round % 5 === 2) server.hangUp();
      }
      // What was read and not taken down is forgotten, as after a kill.
      if (round % 3 === 0) await reader.read(20);
      await reader.stop();
    }
    const lines = Array.from({ length: total }, (_, index) => `line ${index}`);
    expect(messages('shell')).toEqual(lines);
    const web = taken.filter(({ name }) => name === 'web');
    for (const [stream, rest] of [['err', 0] as const, ['out', 1] as const])
      expect(web.filter(({ fields }) => fields['stream'] === stream).map(({ message }) => message)).toEqual(
        lines.filter((_, index) => index % 2 === rest),
      );
  });

  it('are read to their end once, of containers that have ended', async () => {
    const job = add('a', 'job', { State: 'exited', Status: 'Exited (0) 3 minutes ago' });
    job.print(`${SECOND - 60}.000000000`, 'before this host was ever read\n');
    job.print(stamp(1), 'done\n');
    job.print(stamp(2), 'and an open end');
    const reader = await open();
    await readUntil(reader, 2);
    const asked = (): number => server.asked.filter((line) => line.includes('/logs?')).length;
    const lists = (): number => server.asked.filter((line) => line.includes('/containers/json')).length;
    const before = lists();
    await eventually(() => expect(lists()).toBeGreaterThan(before + 3));
    expect([messages(), asked()]).toEqual([['done', 'and an open end'], 1]);
    // It runs again, and ends between two looks.
    job.print(stamp(9000), 'again\n');
    Object.assign(containers[0] ?? {}, { Status: 'Exited (0) Less than a second ago' });
    await readUntil(reader, 3);
    expect(messages().at(-1)).toBe('again');
    await reader.stop();
    await readUntil(await open(), 3);
    containers = [];
    const other = add('b', 'other');
    other.print(stamp(1), 'last\n');
    await readUntil(await open(), 4);
    expect(positions[`docker:${id('a')}`]).toBeNull();
    expect(messages()).toEqual(['done', 'and an open end', 'again', 'last']);
  });

  it('are read on from one that is followed to its end, and when it runs again', async () => {
    const web = add('a', 'web');
    web.print(stamp(1), 'up\n');
    const reader = await open();
    await readUntil(reader, 1);
    web.print(stamp(2), 'down\n');
    web.end();
    Object.assign(containers[0] ?? {}, { State: 'exited', Status: 'Exited (0) 2 seconds ago' });
    await readUntil(reader, 2);
    Object.assign(containers[0] ?? {}, { State: 'running', Status: 'Up 1 second' });
    web.print(stamp(2), 'up again\n');
    await readUntil(reader, 3);
    expect(messages()).toEqual(['up', 'down', 'up again']);
  });

  it('are left alone where their driver cannot be read, and others are not delayed', async () => {
    const silent = add('a', 'silent');
    silent.fault = { status: 501, message: 'configured logging driver does not support reading' };
    add('b', 'web').print(stamp(1), 'hello\n');
    await readUntil(await open(), 1);
    const asked = (letter: string): number =>
      server.asked.filter((line) => line.includes(`${id(letter)}/logs?`)).length;
    const lists = server.asked.length;
    await eventually(() => expect(server.asked.length).toBeGreaterThan(lists + 5));
    expect([messages(), asked('a'), asked('b')]).toEqual([['hello'], 1, 1]);
  });

  it('hold back a flood, count it, and let others pass', async () => {
    const [flood, quiet] = [add('a', 'flood'), add('b', 'quiet')];
    const reader = await open({ perSecond: 1000 });
    await eventually(() => expect([flood.followers, quiet.followers]).toEqual([1, 1]));
    for (let index = 0; index < 50_000; index += 1) flood.print(stamp(1), `line ${index}\n`);
    quiet.print(stamp(2), 'here\n');
    const dropped = (): number => taken.reduce((sum, { fields }) => sum + Number(fields['dropped'] ?? 0), 0);
    await eventually(async () => {
      while (await readOnce(reader));
      expect(dropped()).toBe(48_000);
    });
    const passed = messages('flood').filter((message) => message.startsWith('line'));
    expect(passed).toEqual(Array.from({ length: 2000 }, (_, index) => `line ${index}`));
    // The other one came long before the flood was over.
    expect(messages().indexOf('here')).toBeLessThan(1000);
    expect(taken.length).toBeLessThan(2030);
  });

  it('wait in the engine while nobody takes them', async () => {
    const web = add('a', 'web');
    for (let index = 0; index < 20_000; index += 1) web.print(stamp(1), `${index} ${'x'.repeat(1000)}\n`);
    const reader = await open();
    await eventually(() => expect(web.followers).toBe(1));
    await eventually(async () => {
      await readOnce(reader, 10);
      expect(taken.length).toBeGreaterThan(100);
    });
    const lists = server.asked.length;
    await eventually(() => expect(server.asked.length).toBeGreaterThan(lists + 20));
    // 20 MB were printed; of these, few are here.
    expect(web.unsent).toBeGreaterThan(15_000_000);
    await readUntil(reader, 20_000);
    expect(taken.every(({ message }, index) => message.startsWith(`${index} x`))).toBe(true);
  });

  it('are no matter where there is no engine, until there is one', async () => {
    const absent = await open({ socket: `${server.socket}.none` });
    expect(await absent.read(10)).toBeNull();
    delete server.answers['/containers/json'];
    const reader = await open();
    await eventually(() => expect(server.asked.length).toBeGreaterThan(3));
    expect(await reader.read(10)).toBeNull();
    server.answers['/containers/json'] = () => containers;
    add('a', 'web').print(stamp(1), 'hello\n');
    add('f', 'ourselves').print(stamp(1), 'not this\n');
    const other = await open({ ownId: 'f'.repeat(12) });
    await readUntil(other, 1);
    expect(messages()).toEqual(['hello']);
  });
});
