import { buildAgent, eventually, type AgentBuild, type SupervisedAgent } from '@lapwing/testing';
import { makeKeys } from '@lapwing/signing';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
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
    expect(figures.cpuSeconds).toBeGreaterThan(0.05);
    expect(figures.rssBytes).toBeGreaterThan(2 ** 24);
    expect(Math.abs(Date.now() - figures.startedAt)).toBeLessThan(30_000);
  });

  it('becomes the version that was signed, keeps it over a restart, and goes back when it is told to', async () => {
    await update(builds.next);
    await becomes('0.2.0', 'trial');
    expect(agent.ends).toEqual([START_AGAIN]);
    await becomes('0.2.0', 'idle');
    expect(await programs()).toEqual([`${builds.next.sha256}.mjs`]);
    await agent.stop();
    agent.start();
    await becomes('0.2.0', 'idle');
    await expect(server.update(statementOf(builds.next))).rejects.toMatchObject({ code: 'INVALID_INPUT' });

    await update(builds.newest);
    await becomes('0.5.0', 'idle');
    expect(await programs()).toEqual([`${builds.next.sha256}.mjs`, `${builds.newest.sha256}.mjs`].toSorted());
    expect(await server.revert()).toEqual({ version: '0.2.0' });
    await becomes('0.2.0', 'idle');
    // What was before that is not known any more: another order to go back cannot lead too far.
    await expect(server.revert()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await eventually(async () => expect(await programs()).toEqual([`${builds.next.sha256}.mjs`]));
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
    await appendFile(path.join(agent.folder, 'program', `${builds.next.sha256}.mjs`), '\n');
    agent.start();
    await becomes('0.1.0', 'failed');
    expect((await server.inspect()).update.error).toBe('its file is not there as it was fetched');
  }, 60_000);

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
  });

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
    const sampler = { taken: 7, lost: 1, hasStored: true, takeNow: () => {} };
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
    expect(service.inspect()).toMatchObject({ version: '0.1.0', taken: 7, lost: 1, problem });
    expect(() => service.update('{}')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    await expect(service.revert()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await service.onModuleDestroy();
  });
});
