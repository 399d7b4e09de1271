import { DockerEngineServer, eventually } from '@lapwing/testing';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { AgentProcess } from '../src/agent-process';
import { Lapwing } from '../src/lapwing';

const run = promisify(execFile);

interface Host {
  id: string;
  status: string;
  pendingUninstall: boolean;
  tokenName?: string;
  command?: { status: string };
  issues: { type: string; containerName: string }[];
  containers: { name: string; state: string }[];
}

describe('a Docker agent', () => {
  let lapwing: Lapwing;
  let engine: DockerEngineServer;
  let agent: AgentProcess;
  let token: string;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lapwing-install-'));
    lapwing = await Lapwing.create();
    engine = await DockerEngineServer.start();
    agent = await AgentProcess.create();
    Object.assign(engine.answers, {
      '/info': () => ({ Name: 'docker-1', NCPU: 2, MemTotal: 1024, ServerVersion: '27.0.1' }),
      '/containers/json': () => [
        { Id: 'a'.repeat(64), Names: ['/web'], State: 'exited', Image: 'nginx', Created: 1, Status: 'Exited (1)' },
      ],
      [`/containers/${'a'.repeat(64)}/json`]: () => ({ RestartCount: 0, State: { ExitCode: 1 } }),
    });
    await lapwing.start();
    token = await tokenFor(['agents:report', 'agents:view']);
  }, 180_000);
  afterAll(async () => {
    await agent.remove();
    await engine.stop();
    await lapwing.remove();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  function startAgent(): void {
    agent.start(
      {
        PULSE_URL: lapwing.url,
        PULSE_TOKEN: token,
        PULSE_INTERVAL: '1s',
        COLLECTOR_DOCKER_SOCKET: engine.socket,
        PULSE_AGENT_ID: 'docker-1',
      },
      ['--docker-only'],
    );
  }

  async function tokenFor(permissions: string[]): Promise<string> {
    const draft = { name: permissions.join(' '), permissions };
    const { body } = await lapwing.ask<{ token: string }>('POST', '/api/security/tokens', lapwing.credentials, draft);
    return body.token;
  }
  const hosts = async (): Promise<Host[]> => (await lapwing.get<Host[]>('/api/agents/docker/hosts')).body;
  const report = (changes: object, by = token) => {
    const base = { agent: { id: 'raw-1' }, host: { hostname: 'raw-1' }, containers: [] };
    return lapwing.ask<{ code: string; error: string; hostId: string }>(
      'POST',
      '/api/agents/docker/report',
      { 'x-api-token': by },
      { ...base, ...changes },
    );
  };
  const install = (script: string, args: string[], root: string) =>
    run('bash', [script, ...args], { env: { ...process.env, DESTDIR: root } }).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      (error: { code: number; stderr: string }) => ({ code: error.code, text: error.stderr }),
    );
  const script = async (query = '', headers: Record<string, string> = { 'x-api-token': token }): Promise<Response> =>
    fetch(`${lapwing.url}/install-docker-agent.sh${query}`, { headers });

  it('reports its containers, with what is wrong with them', async () => {
    startAgent();
    await eventually(async () =>
      expect(await hosts()).toMatchObject([
        {
          id: 'docker-1',
          status: 'online',
          tokenName: 'agents:report agents:view',
          issues: [{ type: 'exit_code', containerName: 'web' }],
          containers: [{ name: 'web', state: 'exited' }],
        },
      ]),
    );
  });

  it('stops when the server tells it to, and then its host is gone and may not come back until it is allowed', async () => {
    const gone = await lapwing.ask<{ message: string }>(
      'DELETE',
      '/api/agents/docker/hosts/docker-1',
      lapwing.credentials,
    );
    expect(gone.body.message).toContain('told to stop');
    await eventually(() => expect(agent.exitCode).toBe(0));
    await eventually(async () => expect(await hosts()).toEqual([]));
    startAgent();
    await eventually(() => expect(agent.printed).toContain('was removed and may not report for 24 hours'));
    expect(await hosts()).toEqual([]);
    const again = await lapwing.ask('POST', '/api/agents/docker/hosts/docker-1/allow-reenroll', lapwing.credentials);
    expect(again.status).toBe(200);
    await eventually(async () => expect(await hosts()).toMatchObject([{ id: 'docker-1', status: 'online' }]));
    expect((await lapwing.ask('DELETE', '/api/agents/docker/hosts/none', lapwing.credentials)).status).toBe(404);
  });

  it('is refused with a clear error and without a trace when what it sends is wrong', async () => {
    const { length } = await hosts();
    const container = { id: 'c', name: 'n' };
    const bad: [object, number, string][] = [
      [{ host: undefined }, 400, 'invalid_report'],
      [{ containers: 'none' }, 400, 'invalid_report'],
      [{ agent: { id: '../../etc' } }, 400, 'invalid_report'],
      [{ containers: [{ id: '../x', name: 'n' }] }, 400, 'invalid_report'],
      [{ containers: Array.from({ length: 2001 }, () => container) }, 400, 'invalid_report'],
      [{ containers: [{ id: 'c', name: 'n', restartCount: 2 ** 33 }] }, 400, 'invalid_report'],
      [{ containers: Array.from({ length: 100_000 }, () => container) }, 413, 'BODY_TOO_LARGE'],
      [{ more: 'x'.repeat(10 * 2 ** 20) }, 413, 'BODY_TOO_LARGE'],
      [{ timestamp: '2099-01-01T00:00:00Z' }, 400, 'invalid_report'],
      [{ timestamp: 'yesterday' }, 400, 'invalid_report'],
    ];
    for (const [changes, status, code] of bad)
      expect(
        await report({ agent: { id: 'bad-1' }, ...changes }).then((answer) => [answer.status, answer.body.code]),
      ).toEqual([status, code]);
    const broken = await lapwing.ask('POST', '/api/agents/docker/report', { 'x-api-token': token }, '{');
    expect([broken.status, broken.body['code']]).toEqual([400, 'invalid_json']);
    expect((await report({}, await tokenFor(['agents:view']))).status).toBe(403);
    expect((await report({}, 'nobody')).status).toBe(401);
    expect(await hosts()).toHaveLength(length);
  });

  it('may be as large as a host with two thousand containers', async () => {
    const labels = { 'com.docker.compose.project': 'a project', 'com.docker.compose.service': 'a service' };
    const containers = Array.from({ length: 2000 }, (_, index) => ({
      id: `c${index}`,
      name: `name-${index}`,
      labels,
      state: 'running',
    }));
    expect(await report({ agent: { id: 'large-1' }, host: { hostname: 'large-1' }, containers })).toMatchObject({
      status: 200,
    });
    expect((await hosts()).find(({ id }) => id === 'large-1')?.containers).toHaveLength(2000);
  });

  it('tells its version, and Pulse’s own agent not to replace itself', async () => {
    const version = async (userAgent: string): Promise<unknown> =>
      (await lapwing.ask('GET', '/api/agent/version', { ...lapwing.credentials, 'user-agent': userAgent })).body;
    expect(await version('curl/8')).toEqual({ version: expect.stringMatching(/^v\d+\.\d+\.\d+/) as string });
    for (const userAgent of ['Go-http-client/1.1', 'pulse-docker-agent/4.30.0'])
      expect(await version(userAgent)).toEqual({ version: 'dev' });
    expect((await lapwing.ask('GET', '/api/server/info')).body).toMatchObject({ isDevelopment: false });
  });

  it('is downloaded as one file with its checksum', async () => {
    const answer = await fetch(`${lapwing.url}/download/pulse-docker-agent?token=${token}`);
    const content = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('x-checksum-sha256')).toBe(createHash('sha256').update(content).digest('hex'));
    expect(content.subarray(0, 19).toString()).toBe('#!/usr/bin/env node');
    expect((await fetch(`${lapwing.url}/download/pulse-docker-agent`)).status).toBe(401);
    expect((await fetch(`${lapwing.url}/download/pulse-docker-agent?token=${token}&arch=vax`)).status).toBe(400);
  });

  it('is installed by the script, under systemd, and removed again', async () => {
    const file = path.join(folder, 'install.sh');
    await writeFile(file, await (await script()).text());
    const root = path.join(folder, 'root');
    expect(await install(file, ['--token', token, '--interval', '10s', '--agent-id', 'docker-1'], root)).toMatchObject({
      code: 0,
    });
    const settings = path.join(root, 'etc/lapwing/lapwing-docker-agent.env');
    expect(await readFile(settings, 'utf8')).toBe(
      `PULSE_URL=${lapwing.url}\nPULSE_TOKEN=${token}\nPULSE_AGENT_ID=docker-1\nPULSE_INTERVAL=10s\n`,
    );
    expect((await stat(settings)).mode & 0o777).toBe(0o600);
    const unit = await readFile(path.join(root, 'etc/systemd/system/lapwing-docker-agent.service'), 'utf8');
    expect(unit).toContain('/opt/lapwing/lapwing-docker-agent.mjs --docker-only');
    const program = await readFile(path.join(root, 'opt/lapwing/lapwing-docker-agent.mjs'));
    expect(program.subarray(0, 19).toString()).toBe('#!/usr/bin/env node');
    expect(await install(file, ['--token', token], root)).toMatchObject({ code: 0 });
    expect(await install(file, ['--uninstall'], root)).toMatchObject({ code: 0 });
    await expect(stat(settings)).rejects.toThrow('ENOENT');
  });

  it('is not installed when the file is another than announced, or a value is odd', async () => {
    const file = path.join(folder, 'tampered.sh');
    await writeFile(file, (await (await script()).text()).replace(/sha256='[0-9a-f]{8}/, "sha256='00000000"));
    const root = path.join(folder, 'bad');
    expect((await install(file, ['--token', token], root)).text).toContain('not the one that was announced');
    await expect(stat(path.join(root, 'opt'))).rejects.toThrow('ENOENT');
    for (const args of [
      ['--url', "http://127.0.0.1:1/';id;'"],
      ['--token', '$(id)'],
      ['--agent-id', '../x'],
      ['--interval', '5;id'],
      ['--token', 'x', '--interval', '0'],
      ['--token', 'x', '--agent-id', 'pending'],
      ['--url', 'http://192.0.2.1:8080', '--token', 'x'],
      ['--nonsense'],
      [],
    ])
      expect((await install(file, args, root)).code).toBe(1);
  });

  it('gets a script that holds nothing of a request but a checked address', async () => {
    const good = await script(`?url=${encodeURIComponent('https://lapwing.example.com:8443/base/')}`);
    expect(await good.text()).toContain("url='https://lapwing.example.com:8443/base'");
    for (const url of [
      "https://x/';touch /tmp/owned;'",
      'https://x/$(id)',
      'https://x/`id`',
      'https://x"y',
      'https://user:password@x',
      'javascript:alert(1)',
      'https://x/?a=b',
      'https://x\n',
      '',
    ]) {
      const answer = await script(`?url=${encodeURIComponent(url)}`);
      const text = await answer.text();
      if (answer.status === 200) expect(text).toMatch(/^url='https?:\/\/[A-Za-z0-9.:_/[\]-]+'$/m);
      else expect(answer.status).toBe(400);
      expect(text.includes('$(id)') && answer.status === 200).toBe(false);
    }
    expect((await script('', {})).status).toBe(401);
  });
});
