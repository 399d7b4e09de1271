import { eventually, freePort } from '@lapwing/testing';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const ID = '5d0c2a61-4f3e-4c55-8a0b-6f1f4b1f9e21';

/** What a small release does when it is started. */
const programs = {
  /** Is ready at once. */
  good: '',
  /** Lives and is never ready. */
  unready: 'isReady = () => false;',
  /** Ends at once. */
  crashes: "console.error('cannot read the settings'); process.exit(1);",
  /** Is ready, and no longer a second later. */
  flickers: 'const until = Date.now() + 1000; isReady = () => Date.now() < until;',
  /** Is ready, but one of its services is down. */
  lame: "services = { alerting: { status: 'unhealthy', message: 'alerting is unhealthy' } };",
  /** Says that it is another version. */
  pretends: "version = '0.0.7';",
};
type Kind = keyof typeof programs;

const launcher = (own: string, kind: Kind): string => `
import { createServer } from 'node:http';
let version = '${own}';
let isReady = () => true;
let services = {};
process.on('SIGTERM', () => process.exit(0));
${programs[kind]}
const server = createServer((request, response) => {
  if (request.url === '/watch') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('event: progress\\ndata: {"step":"restarting","progress":84}\\n\\n');
    setTimeout(() => process.send({ type: 'watcher', attemptId: '${ID}', isChunked: request.httpVersion !== '1.0' }, response.socket), 100);
    return;
  }
  if (request.url === '/health') return response.end(JSON.stringify({ status: 'alive', version, pid: process.pid }));
  response.writeHead(isReady() ? 200 : 503).end(JSON.stringify({ services: { database: { status: isReady() ? 'healthy' : 'unhealthy', message: 'not yet' }, ...services } }));
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

describe('the guard', () => {
  let install: string;
  let port: number;
  let supervised: ChildProcess | undefined;
  let printed = '';

  beforeEach(async () => {
    install = await mkdtemp(path.join(tmpdir(), 'lapwing-guard-'));
    port = await freePort();
    printed = '';
    await cp(path.join(__dirname, 'guard'), path.join(install, 'guard'), { recursive: true });
    await release('1.0.0', 'good');
    await symlink('releases/1.0.0', path.join(install, 'current'));
  });
  afterEach(async () => {
    await stop('SIGTERM');
    await rm(install, { recursive: true, force: true });
  });

  const release = async (version: string, kind: Kind): Promise<void> => {
    const folder = path.join(install, 'releases', version, 'deploy/local');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'start.mjs'), launcher(version, kind));
  };
  const start = (): void => {
    const env = {
      ...process.env,
      PORT: String(port),
      HOST: '127.0.0.1',
      LAPWING_TRIAL_SECONDS: '4',
      LAPWING_INSTALL_DIR: undefined,
    };
    supervised = spawn(process.execPath, [path.join(install, 'guard/guard.mjs')], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [supervised.stdout, supervised.stderr])
      stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const child = supervised;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    // What it ran ends with it.
    await eventually(async () => expect(await runs()).toBe(''));
  };
  /** The version that answers; empty when none does. */
  const runs = async (): Promise<string> =>
    fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1000) }).then(
      async (answer) => ((await answer.json()) as { version: string }).version,
      () => '',
    );
  const journal = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(path.join(install, 'journal.json'), 'utf8')) as Record<string, unknown>;
  const write = (changes: object) =>
    writeFile(
      path.join(install, 'journal.json'),
      JSON.stringify({
        schema: 1,
        attemptId: ID,
        from: '1.0.0',
        to: '1.1.0',
        phase: 'ordered',
        starts: 0,
        outcome: null,
        reason: null,
        at: Date.now(),
        ...changes,
      }),
    );
  const done = () => eventually(async () => expect((await journal())['phase']).toBe('done'), 30_000);
  const running = (version: string) => eventually(async () => expect(await runs()).toBe(version), 15_000);

  it('runs what is current, and ends when that ends, so that a supervisor starts both again', async () => {
    start();
    await running('1.0.0');
    const { pid } = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await eventually(() => expect(supervised?.exitCode).toBe(1));
    start();
    await running('1.0.0');
  });

  it('leaves nothing behind when it is stopped or killed', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      start();
      await running('1.0.0');
      await stop(signal);
      expect(await runs()).toBe('');
    }
  });

  it('brings what is ordered into force', async () => {
    await release('1.1.0', 'good');
    start();
    await running('1.0.0');
    await write({});
    await done();
    expect(await journal()).toMatchObject({ outcome: 'success', reason: null, starts: 1, attemptId: ID });
    expect(await readlink(path.join(install, 'current'))).toBe('releases/1.1.0');
    await running('1.1.0');
  });

  it.each<[Kind, RegExp]>([
    ['unready', /^version 1\.1\.0 was not ready after 4 s: not ready \(status 503, database: not yet\)$/],
    ['crashes', /^version 1\.1\.0 ended by itself \(exit 1\)$/],
    ['flickers', /^version 1\.1\.0 was not ready after 4 s/],
    ['lame', /^version 1\.1\.0 was not ready after 4 s: not ready \(status 200, alerting: alerting is unhealthy\)$/],
    ['pretends', /^version 1\.1\.0 was not ready after 4 s: version 0\.0\.7 answers instead$/],
  ])(
    'goes back from a version that is %s, and says why',
    async (kind, reason) => {
      await release('1.1.0', kind);
      start();
      await running('1.0.0');
      await write({});
      await done();
      const { outcome, reason: told } = await journal();
      expect(outcome).toBe('rolled_back');
      expect(told).toMatch(reason);
      expect(await readlink(path.join(install, 'current'))).toBe('releases/1.0.0');
      await running('1.0.0');
    },
    40_000,
  );

  it.each([
    ['that is not there', { to: '9.9.9' }],
    ['that is no version', { to: '../../../tmp' }],
  ])('does not start a version %s', async (_, changes) => {
    start();
    await running('1.0.0');
    await write(changes);
    await done();
    expect(await journal()).toMatchObject({
      outcome: 'rolled_back',
      reason: expect.stringContaining('is not there') as string,
    });
    await running('1.0.0');
  });

  it('is not upset by a journal that is none', async () => {
    await writeFile(path.join(install, 'journal.json'), '{"phase":"ordered"');
    start();
    await running('1.0.0');
    await writeFile(path.join(install, 'journal.json'), '{"phase":"ordered"}');
    await expect(eventually(async () => expect(await runs()).toBe(''), 2000)).rejects.toThrow('Expected');
  });

  it.each<[string, Record<string, string>, string[], RegExp]>([
    [
      'data in a release',
      { LAPWING_DATA_DIR: 'RELEASES/1.0.0/.data' },
      [],
      /LAPWING_DATA_DIR must be an absolute path outside of/,
    ],
    ['data at a relative path', { LAPWING_DATA_DIR: 'data' }, [], /LAPWING_DATA_DIR must be/],
    ['any port', { PORT: '0' }, [], /PORT must be a number from 1/],
    ['a port that it does not see', {}, ['--port', '9000'], /--port must come by the environment/],
    ['no time at all', { LAPWING_TRIAL_SECONDS: 'soon' }, [], /LAPWING_TRIAL_SECONDS must be 1 to 3600/],
  ])('does not start with %s, and says why', (_, environment, args, reason) => {
    const env: NodeJS.ProcessEnv = { ...process.env, ...environment, LAPWING_INSTALL_DIR: install };
    if (env['LAPWING_DATA_DIR'])
      env['LAPWING_DATA_DIR'] = env['LAPWING_DATA_DIR'].replace('RELEASES', path.join(install, 'releases'));
    const { status, stdout } = spawnSync(process.execPath, [path.join(install, 'guard/guard.mjs'), ...args], {
      env,
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stdout).toMatch(reason);
  });

  it('ends the connection of whoever watches an update that was given up at the last moment', async () => {
    start();
    await running('1.0.0');
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write('GET /watch HTTP/1.0\r\n\r\n');
    await once(socket, 'end');
    socket.destroy();
    // A client of HTTP/1.0 knows no chunks.
    expect(text.split('\n\n').at(-2)).toBe(
      'event: error\ndata: {"success":false,"error":"the update was given up at the last moment: see the history","code":"UPDATE_FAILED"}',
    );
  }, 40_000);

  (isRoot ? it : it.skip)(
    'runs what ran when the disk is full at any time (skipped without root: wants a disk of its own)',
    async () => {
      const whole = install;
      install = path.join(whole, 'disk');
      await mkdir(install);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', install]);
      try {
        for (const part of ['guard', 'releases'])
          await cp(path.join(whole, part), path.join(install, part), { recursive: true });
        await symlink('releases/1.0.0', path.join(install, 'current'));
        await release('1.1.0', 'unready');
        start();
        await running('1.0.0');
        await write({});
        await eventually(async () => expect((await journal())['phase']).toBe('trial'));
        await writeFile(path.join(install, 'ballast'), Buffer.alloc(2 ** 20)).catch(() => {});
        await eventually(() => expect(printed).toContain('going back to 1.0.0'), 20_000);
        await running('1.0.0');
        await done();
        expect(await journal()).toMatchObject({ outcome: 'rolled_back' });
        // The order of an update on a disk that is full from the beginning, and no room was kept.
        await rm(path.join(install, '.reserve'), { force: true });
        await rm(path.join(install, 'ballast'), { force: true });
        await write({});
        await writeFile(path.join(install, 'ballast'), Buffer.alloc(2 ** 20)).catch(() => {});
        await stop('SIGKILL');
        start();
        await running('1.0.0');
        expect(await readlink(path.join(install, 'current'))).toBe('releases/1.0.0');
        await stop('SIGTERM');
      } finally {
        execFileSync('umount', ['-l', install]);
        install = whole;
      }
    },
    90_000,
  );

  describe('after a power cut', () => {
    it.each<[string, object, string, string | null]>([
      ['when the order was given', {}, '1.1.0', 'success'],
      ['when the trial had begun', { phase: 'trial', starts: 1 }, '1.1.0', 'success'],
      ['on the way back', { phase: 'reverting', starts: 1, reason: 'it was bad' }, '1.0.0', 'rolled_back'],
      ['when all was done', { phase: 'done', outcome: 'success', starts: 1 }, '1.1.0', 'success'],
    ])(
      '%s, there is a version that runs, and the truth',
      async (_, state, version, outcome) => {
        await release('1.1.0', 'good');
        // The link may stand either way when the power goes.
        for (const link of ['releases/1.0.0', 'releases/1.1.0']) {
          if (outcome !== null && 'outcome' in state && link === 'releases/1.0.0') continue;
          await rm(path.join(install, 'current'));
          await symlink(link, path.join(install, 'current'));
          await write(state);
          start();
          await done();
          await running(version);
          expect(await journal()).toMatchObject({ outcome });
          expect(await readlink(path.join(install, 'current'))).toBe(`releases/${version}`);
          await stop('SIGKILL');
        }
      },
      60_000,
    );

    it('in the trial of a version that is never ready, it is tried once more and then given up', async () => {
      await release('1.1.0', 'unready');
      await write({});
      start();
      await eventually(async () => expect(await journal()).toMatchObject({ phase: 'trial', starts: 1 }));
      await stop('SIGKILL');
      start();
      await eventually(async () => expect(await journal()).toMatchObject({ phase: 'trial', starts: 2 }));
      await stop('SIGKILL');
      start();
      await done();
      expect(await journal()).toMatchObject({
        outcome: 'rolled_back',
        reason: 'version 1.1.0 was started 2 times and was never ready',
      });
      await running('1.0.0');
    }, 60_000);
  });

  it.each([
    ['good' as const, 'event: complete\ndata: {"success":true,"version":"1.1.0"}'],
    [
      'crashes' as const,
      'event: error\ndata: {"success":false,"error":"version 1.1.0 ended by itself (exit 1)","code":"UPDATE_FAILED"}',
    ],
  ])(
    'tells whoever watches on the same connection how it ended: %s',
    async (kind, last) => {
      await release('1.1.0', kind);
      start();
      await running('1.0.0');
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.write('GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await eventually(() => expect(text).toContain('84'));
      await write({});
      await once(socket, 'end');
      socket.destroy();
      const chunks = text
        .slice(text.indexOf('\r\n\r\n') + 4)
        .split(/[0-9a-f]+\r\n/)
        .map((chunk) => chunk.trim());
      expect(text).toMatch(/\r\n0\r\n\r\n$/);
      expect(chunks.filter((chunk) => chunk.startsWith('event:')).at(-1)).toBe(last);
    },
    40_000,
  );
});
