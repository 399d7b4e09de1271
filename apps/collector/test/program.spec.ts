import { buildAgent, eventually, type AgentBuild, type SupervisedAgent } from '@lapwing/testing';
import { makeKeys } from '@lapwing/signing';
import { createHash } from 'node:crypto';
import { access, appendFile, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { ProgramService } from '../src/services/program.service';
import { FakeServer, keys, statementOf } from './program-harness';

/** Ends in order, to be started again. */
const START_AGAIN = 75;

describe('an agent in one file', () => {
  let server: FakeServer;
  let folder: string;
  let agent: SupervisedAgent;
  let builds: Record<'base' | 'next' | 'crashing' | 'blocked' | 'newest', AgentBuild>;

  beforeAll(async () => {
    server = await FakeServer.start();
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-builds-'));
    const build = (version: string, fault?: string) => {
      const file = path.join(folder, `${version}.mjs`);
      return buildAgent({ file, version, keys: [keys.publicKey], ...(fault !== undefined && { fault }) });
    };
    builds = {
      base: await build('0.1.0'),
      next: await build('0.2.0'),
      crashing: await build('0.3.0', 'process.exit(1);'),
      blocked: await build('0.4.0', 'for (;;);'),
      newest: await build('0.5.0'),
    };
  }, 60_000);
  beforeEach(async () => {
    server.stores = true;
    agent = await server.agent(builds.base.file);
    agent.start();
    await eventually(async () => expect(await server.inspect()).toMatchObject({ version: '0.1.0', problem: null }));
  });
  afterEach(() => agent.remove());
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const programs = async (): Promise<string[]> =>
    (await readdir(path.join(agent.folder, 'program'))).filter((name) => name !== 'state.json').toSorted();
  /** Each program with the statement about it. */
  const filesOf = (...kept: AgentBuild[]): string[] =>
    kept.flatMap(({ sha256 }) => [`${sha256}.json`, `${sha256}.mjs`]).toSorted();
  const inPrograms = (name: string): string => path.join(agent.folder, 'program', name);
  const update = async (build: AgentBuild): Promise<void> => {
    await server.serveFile(build.file);
    expect(await server.update(statementOf(build))).toEqual({ version: build.version });
  };
  const becomes = (version: string, state: string): Promise<unknown> =>
    eventually(async () => expect(await server.inspect()).toMatchObject({ version, update: { state } }), 30_000);

  it('tells figures of its own process', async () => {
    await eventually(async () => expect((await server.inspect()).taken).toBeGreaterThan(0));
    const figures = await server.inspect();
    expect(figures).toMatchObject({ lost: 0, update: { state: 'idle', version: null, error: null } });
    await eventually(async () => expect((await server.inspect()).waiting).toBe(0));
    server.stores = false;
    await eventually(async () => expect((await server.inspect()).waiting).toBeGreaterThan(1));
    expect(figures.cpuSeconds).toBeGreaterThan(0.05);
    expect(figures.rssBytes).toBeGreaterThan(2 ** 24);
    expect(Math.abs(Date.now() - figures.startedAt)).toBeLessThan(30_000);
  });

  it('becomes the version that was signed, keeps it over a restart, and goes back when it is told to', async () => {
    await update(builds.next);
    await becomes('0.2.0', 'trial');
    expect(agent.ends).toEqual([START_AGAIN]);
    await becomes('0.2.0', 'idle');
    expect(await programs()).toEqual(filesOf(builds.next));
    await agent.stop();
    agent.start();
    await becomes('0.2.0', 'idle');
    await expect(server.update(statementOf(builds.next))).rejects.toMatchObject({ code: 'INVALID_INPUT' });

    await update(builds.newest);
    await becomes('0.5.0', 'idle');
    expect(await programs()).toEqual(filesOf(builds.next, builds.newest));
    expect(await server.revert()).toEqual({ version: '0.2.0' });
    await becomes('0.2.0', 'idle');
    // What was before that is not known any more: another order to go back cannot lead too far.
    await expect(server.revert()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await eventually(async () => expect(await programs()).toEqual(filesOf(builds.next)));
  }, 60_000);

  it('goes back by itself when the new version crashes twice', async () => {
    await update(builds.crashing);
    await eventually(() => expect(agent.ends).toEqual([START_AGAIN, 1, 1]));
    await becomes('0.1.0', 'failed');
    expect((await server.inspect()).update).toEqual({
      state: 'failed',
      version: '0.3.0',
      error: 'it ended 2 times before it had proved itself',
    });
    await eventually(async () => expect(await programs()).toEqual([]));
    await update(builds.next);
    await becomes('0.2.0', 'idle');
  }, 60_000);

  it.each([
    ['says that all is well', 'process.exit(0);'],
    ['has nothing left to do', ''],
  ])(
    'is started again, and goes back, when the new version ends because it %s',
    async (_, text) => {
      const version = '0.6.0';
      const file = path.join(folder, `${version}.mjs`);
      const answer = `process.stdout.write(${JSON.stringify(JSON.stringify({ version }))})`;
      const content = `if (process.argv.includes('--self-test')) ${answer}; else { ${text} }`;
      await writeFile(file, content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      await update({ file, version, size: Buffer.byteLength(content), sha256 });
      await eventually(() => expect(agent.ends).toEqual([START_AGAIN, START_AGAIN, START_AGAIN]));
      await becomes('0.1.0', 'failed');
      expect((await server.inspect()).update.error).toBe('it ended 2 times before it had proved itself');
    },
    60_000,
  );

  it('goes back when the new version blocks its own thread', async () => {
    await update(builds.blocked);
    await eventually(() => expect(agent.ends).toEqual([START_AGAIN, 'SIGKILL']), 30_000);
    await becomes('0.1.0', 'failed');
    expect((await server.inspect()).update.error).toBe('it did not prove itself within 8 s, and had to be killed');
  }, 60_000);

  it('goes back when nothing of the new version is stored', async () => {
    await update(builds.next);
    await eventually(() => expect(agent.ends).toEqual([START_AGAIN]));
    server.stores = false;
    await becomes('0.2.0', 'trial');
    await eventually(() => expect(agent.ends).toEqual([START_AGAIN, START_AGAIN]), 30_000);
    await becomes('0.1.0', 'failed');
    expect((await server.inspect()).update.error).toMatch(/within 8 s: the server has stored no sample of it/);
  }, 60_000);

  it('does not hold it against a version on trial that it was stopped', async () => {
    server.stores = false;
    await update(builds.next);
    await becomes('0.2.0', 'trial');
    for (let time = 0; time < 3; time++) {
      await agent.stop();
      agent.start();
      await becomes('0.2.0', 'trial');
    }
    server.stores = true;
    await becomes('0.2.0', 'idle');
    expect(agent.ends).toEqual([START_AGAIN, 0, 0, 0]);
  }, 60_000);

  it('never runs a file that is not what was fetched', async () => {
    await update(builds.next);
    await becomes('0.2.0', 'idle');
    await agent.stop();
    await appendFile(inPrograms(`${builds.next.sha256}.mjs`), '\n');
    agent.start();
    await becomes('0.1.0', 'failed');
    expect((await server.inspect()).update.error).toBe('its file is not there as it was fetched');
  }, 60_000);

  it.each<[string, () => string, RegExp]>([
    ['nothing', () => '', /not believed: this is no signed statement$/],
    ['what another key has signed', () => statementOf(builds.newest, makeKeys().privateKey), /no key that is trusted/],
    ['what was signed about another version', () => statementOf(builds.next), /is about another file$/],
  ])(
    'runs no file of which a statement says %s',
    async (_, forged, reason) => {
      await update(builds.next);
      await becomes('0.2.0', 'idle');
      await agent.stop();
      // Whoever can write to the data puts a file there, and a state that says so.
      const { version, sha256, file } = builds.newest;
      await copyFile(file, inPrograms(`${sha256}.mjs`));
      await writeFile(inPrograms(`${sha256}.json`), forged());
      const { version: before, sha256: hash } = builds.next;
      const previous = { version: before, sha256: hash };
      const state = { current: { version, sha256 }, previous, trial: null, failed: null };
      await writeFile(inPrograms('state.json'), JSON.stringify(state));
      agent.start();
      await becomes('0.2.0', 'failed');
      expect((await server.inspect()).update.error).toMatch(reason);
      await eventually(async () => expect(await programs()).toEqual(filesOf(builds.next)));
    },
    60_000,
  );

  it.each(['', 'null', '{"current":', '{"current":{"version":"9.0.0","sha256":"../../x"}}'])(
    'starts with what was installed where its state is %j',
    async (text) => {
      await agent.stop();
      await mkdir(path.join(agent.folder, 'program'));
      await writeFile(path.join(agent.folder, 'program', 'state.json'), text);
      agent.start();
      await becomes('0.1.0', 'idle');
      expect(agent.ends).toEqual([0]);
    },
  );

  it('is what was installed anew, where that is newer', async () => {
    await update(builds.next);
    await becomes('0.2.0', 'idle');
    await agent.stop();
    const again = await server.agent(builds.newest.file, { COLLECTOR_DATA_DIR: agent.folder });
    again.start();
    await becomes('0.5.0', 'idle');
    await eventually(async () => expect(await programs()).toEqual([]));
    await again.remove();
  }, 60_000);

  it('takes no statement that it does not believe', async () => {
    const { next } = builds;
    const refused = async (statement: string): Promise<string> => {
      const error = await server.update(statement).then(
        () => undefined,
        (thrown: { code: string; message: string }) => thrown,
      );
      expect(error?.code).toBe('INVALID_INPUT');
      return error?.message ?? '';
    };
    expect(await refused('{}')).toBe('this is no signed statement');
    expect(await refused(statementOf(next, makeKeys().privateKey))).toMatch(/no key that is trusted/);
    expect(await refused(statementOf({ ...next, version: '0.1.0' }))).toMatch(/not newer than 0.1.0/);
    expect(await refused(statementOf({ ...next, version: '0.1.0-rc.1' }))).toMatch(/not newer/);
    expect((await server.inspect()).update.state).toBe('idle');
  });

  it('asks again when the server is busy, or the connection breaks', async () => {
    const content = await readFile(builds.next.file);
    const asked = [
      (response: ServerResponse) => response.writeHead(429).end(),
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-length': content.length }).write('x', () => response.socket?.destroy()),
    ];
    server.serve = (_, response) => (asked.shift() ?? ((one) => one.end(content)))(response);
    await server.update(statementOf(builds.next));
    await becomes('0.2.0', 'idle');
    expect(asked).toEqual([]);
  }, 60_000);

  it('takes one order at a time', async () => {
    server.serve = () => {};
    expect(await server.update(statementOf(builds.next))).toEqual({ version: '0.2.0' });
    expect((await server.inspect()).update).toEqual({ state: 'fetching', version: '0.2.0', error: null });
    await expect(server.update(statementOf(builds.newest))).rejects.toMatchObject({ code: 'UPDATE_IN_PROGRESS' });
    expect((await server.inspect()).update).toEqual({ state: 'fetching', version: '0.2.0', error: null });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['before anything came', () => {}],
    ['in the middle of the file', (response) => response.write('x'.repeat(1000))],
    ['while it waits to ask again', (response) => response.writeHead(503).end()],
  ])(
    'gives up what it fetches when it is told to go back %s',
    async (_, serve) => {
      let asked = 0;
      server.serve = (_request, response) => {
        asked++;
        serve(response);
      };
      await server.update(statementOf(builds.next));
      await eventually(() => expect(asked).toBe(1));
      expect(await server.revert()).toEqual({ version: '0.1.0' });
      expect((await server.inspect()).update).toEqual({
        state: 'failed',
        version: '0.2.0',
        error: 'given up: the server took it back',
      });
      expect(await programs()).toEqual([]);
      expect(agent.ends).toEqual([]);
      expect(asked).toBe(1);
      await update(builds.next);
      await becomes('0.2.0', 'idle');
    },
    60_000,
  );

  it('does not become a version that is taken back while it ends to try it', async () => {
    await update(builds.next);
    const statement = inPrograms(`${builds.next.sha256}.json`);
    await eventually(() => access(statement));
    await server.revert();
    // It may have ended by then, to be started again as what it was.
    await eventually(async () => {
      expect(await programs()).toEqual([]);
      expect((await server.inspect()).version).toBe('0.1.0');
    }, 30_000);
    expect(agent.printed).not.toContain('0.2.0 is started');
  }, 60_000);

  it('asks for the very file that was signed', async () => {
    const content = await readFile(builds.next.file);
    const urls: (string | undefined)[] = [];
    server.serve = ({ url }, response) => {
      urls.push(url);
      // A gateway of another version while the server is renewed.
      if (urls.length === 1) response.writeHead(503).end();
      else response.end(content);
    };
    await server.update(statementOf(builds.next));
    await becomes('0.2.0', 'idle');
    const url = `/download/lapwing-agent.mjs?sha256=${builds.next.sha256}`;
    expect(urls).toEqual([url, url]);
  }, 60_000);

  describe('goes on as it is, and says why, when it is given', () => {
    const failure = async (): Promise<string> =>
      eventually(async () => {
        const { version, update: last } = await server.inspect();
        expect({ version, state: last.state }).toEqual({ version: '0.1.0', state: 'failed' });
        expect(agent.ends).toEqual([]);
        expect(await programs()).toEqual([]);
        return last.error ?? '';
      });

    it('another file', async () => {
      const content = await readFile(builds.next.file);
      content[1000] = (content[1000] ?? 0) ^ 1;
      server.serve = (_, response) => response.end(content);
      await server.update(statementOf(builds.next));
      expect(await failure()).toMatch(/a file other than the one that was signed/);
    });

    it('a part of the file', async () => {
      const content = await readFile(builds.next.file);
      server.serve = (_, response) => response.end(content.subarray(0, 1000));
      await server.update(statementOf(builds.next));
      expect(await failure()).toBe(`the server gave 1000 bytes, and ${builds.next.size} were signed`);
    });

    it('a page of a portal', async () => {
      server.serve = (_, response) => response.end('<!doctype html>');
      await server.update(statementOf(builds.next));
      expect(await failure()).toMatch(/the server gave 15 bytes/);
    });

    it('nothing', async () => {
      server.serve = (_, response) => response.writeHead(404).end();
      await server.update(statementOf(builds.next));
      expect(await failure()).toBe('the server answered with the status 404');
    });

    it('more than was signed', async () => {
      server.serve = (_, response) => response.end(Buffer.alloc(builds.next.size + 1));
      await server.update(statementOf(builds.next));
      expect(await failure()).toBe('the server answers too much');
    });
  });
});

describe('an agent in one file whose new version', () => {
  let server: FakeServer;
  let agent: SupervisedAgent;

  beforeAll(async () => {
    server = await FakeServer.start();
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-builds-'));
    const base = await buildAgent({
      file: path.join(folder, 'base.mjs'),
      version: '0.1.0',
      keys: [keys.publicKey],
    });
    agent = await server.agent(base.file);
    agent.start();
    await eventually(async () => expect(await server.inspect()).toMatchObject({ problem: null }));
  }, 60_000);
  afterAll(async () => {
    await agent.remove();
    await server.stop();
  });

  it.each<[string, string, RegExp]>([
    ['cannot be loaded', 'import "no-such-package";', /the self-test of the new version ended with 1/],
    ['says nothing', '// nothing', /does not say that it is version 0.2.0/],
    ['says that it is another', 'console.log(JSON.stringify({ version: "0.1.0" }))', /does not say/],
  ])('%s is not tried', async (_, text, reason) => {
    server.serve = (_request, response) => response.end(text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const build = { version: '0.2.0', size: Buffer.byteLength(text), sha256 };
    await server.update(statementOf(build));
    await eventually(async () => expect((await server.inspect()).update.error).toMatch(reason));
    expect(agent.ends).toEqual([]);
    expect(await readdir(path.join(agent.folder, 'program'))).toEqual(['state.json']);
  });
});

describe('an agent', () => {
  let server: FakeServer;
  let agent: SupervisedAgent;

  beforeEach(async () => {
    server = await FakeServer.start();
  });
  afterEach(async () => {
    await agent.remove();
    await server.stop();
  });

  it('whose disk is full goes on, and leaves no half file behind', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-builds-'));
    const build = (version: string) =>
      buildAgent({ file: path.join(folder, `${version}.mjs`), version, keys: [keys.publicKey] });
    const [base, next] = [await build('0.1.0'), await build('0.2.0')];
    agent = await server.agent(base.file, {}, 1024);
    agent.start();
    await eventually(async () => expect(await server.inspect()).toMatchObject({ problem: null }));
    await server.serveFile(next.file);
    await server.update(statementOf(next));
    await eventually(async () =>
      expect(await server.inspect()).toMatchObject({
        version: '0.1.0',
        update: { state: 'failed', error: 'the disk does not take the file (EFBIG)' },
      }),
    );
    expect(await readdir(path.join(agent.folder, 'program'))).toEqual(['state.json']);
    expect(agent.ends).toEqual([]);
  });

  it('that takes a sample every five minutes proves itself in time all the same', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-builds-'));
    const build = (version: string) =>
      buildAgent({ file: path.join(folder, `${version}.mjs`), version, keys: [keys.publicKey] });
    const [base, next] = [await build('0.1.0'), await build('0.2.0')];
    agent = await server.agent(base.file, { COLLECTOR_INTERVAL: '300' });
    agent.start();
    await eventually(async () => expect(await server.inspect()).toMatchObject({ problem: null }));
    await server.serveFile(next.file);
    await server.update(statementOf(next));
    await eventually(async () =>
      expect(await server.inspect()).toMatchObject({ version: '0.2.0', taken: 1, update: { state: 'idle' } }),
    );
    expect(agent.ends).toEqual([START_AGAIN]);
  });

  it('that has changed its version takes nothing that the file that was installed would not start', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lapwing-builds-'));
    const [first, second] = [keys, makeKeys()];
    const build = (version: string, ...trusted: string[]) =>
      buildAgent({ file: path.join(folder, `${version}.mjs`), version, keys: trusted });
    const base = await build('0.1.0', first.publicKey);
    const [next, newest] = [await build('0.2.0', first.publicKey, second.publicKey), await build('0.3.0')];
    agent = await server.agent(base.file);
    agent.start();
    await eventually(async () => expect(await server.inspect()).toMatchObject({ problem: null }));
    await server.serveFile(next.file);
    await server.update(statementOf(next));
    await eventually(
      async () => expect(await server.inspect()).toMatchObject({ version: '0.2.0', update: { state: 'idle' } }),
      30_000,
    );
    await expect(server.update(statementOf(newest, second.privateKey))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('no key that is trusted') as string,
    });
  }, 60_000);

  it('that trusts no key cannot be updated, and says so', async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'lapwing-builds-')), 'base.mjs');
    const build = await buildAgent({ file, version: '0.1.0', keys: [] });
    agent = await server.agent(file);
    agent.start();
    const problem = 'this agent was built from source and trusts no release key';
    await eventually(async () => expect(await server.inspect()).toMatchObject({ problem }));
    await expect(server.update(statementOf(build))).rejects.toMatchObject({ code: 'FORBIDDEN', message: problem });
    await expect(server.revert()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a collector that runs out of its packages', () => {
  it('tells its figures, and takes no orders about its version', async () => {
    const sampler = { taken: 7, lost: 1, waiting: 2, hasStored: true, takeNow: () => {} };
    const service = new ProgramService({ online: true }, sampler, {
      folder: '/nonexistent',
      version: '0.1.0',
      keys: undefined,
      launch: undefined,
      url: undefined,
      allowHttp: false,
      trialSeconds: 120,
      leave: () => {},
    });
    await service.onApplicationBootstrap();
    const problem = expect.stringContaining('does not run out of one file') as string;
    expect(service.inspect()).toMatchObject({ version: '0.1.0', taken: 7, lost: 1, waiting: 2, problem });
    expect(() => service.update('{}')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    await expect(service.revert()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await service.onModuleDestroy();
  });
});
