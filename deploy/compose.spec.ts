import { Contained, NatsServer, canContain, eventually } from '@lapwing/testing';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ComposeInstallation, root } from './compose-harness';

const names = 'settings auth metrics-store log-store fleet alerting updates poller gateway'.split(' ');
const USER = 10_001;
const contained = canContain() ? describe : describe.skip;

contained('what docker-compose.yml starts, each as in its container', () => {
  const running = new Map<string, Contained>();
  let compose: ComposeInstallation;
  let base: string;
  let authorization: string;

  beforeAll(async () => {
    compose = await ComposeInstallation.make();
  }, 180_000);

  afterAll(async () => {
    for (const container of running.values()) container.kill();
    await compose?.remove();
  });

  /** Runs what ends by itself; how it has ended. */
  async function finished(name: string): Promise<string> {
    const container = compose.start(name);
    const code = await container.ended();
    return code === 0 ? 'well' : `${name} has ended with ${code}: ${container.output}`;
  }

  /** Waits until its health check says so. */
  const healthy = (name: string): Promise<boolean> =>
    eventually(async () => {
      const container = running.get(name);
      if (!container?.runs) throw new Error(`${name} has ended: ${container?.output}`);
      const { code, output } = await compose.health(name);
      if (code !== 0) throw new Error(`${name}: ${output}\n${container.output.slice(-2000)}`);
      return true;
    }, 120_000);

  async function ask<T>(route: string, body?: object): Promise<T> {
    const headers = { authorization, 'content-type': 'application/json' };
    const options = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
    const answer = await fetch(`${base}${route}`, options);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${route}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  const keysOf = (): string[] =>
    ['authority/authority.json', 'secret-key/key', 'nats-auth/auth.conf'].map((file) =>
      fs.readFileSync(compose.volume(file), 'utf8'),
    );

  it('keys are made, kept when they are made again, and each for one service alone', async () => {
    expect(await finished('keys')).toBe('well');
    const before = keysOf();
    // Those that nobody can make again are what a backup holds.
    for (const name of ['authority', 'nats-auth', 'bus-fleet']) fs.rmSync(compose.volume(name), { recursive: true });
    expect(await finished('keys')).toBe('well');
    expect(keysOf()).toEqual(before);
    for (const name of names) expect(fs.readdirSync(compose.volume(`bus-${name}`))).toEqual([`${name}.creds`]);
    for (const file of ['authority/authority.json', 'secret-key/key', 'bus-fleet/fleet.creds']) {
      const { mode, uid } = fs.statSync(compose.volume(file));
      expect([file, mode & 0o777, uid]).toEqual([file, 0o600, USER]);
    }
    expect(before[1]).toMatch(/^[0-9a-f]{64}\n$/);
  }, 60_000);

  it('NATS takes its configuration as it is mounted', () => {
    const { environment = {}, volumes = [] } = compose.services['nats'] ?? {};
    const folder = compose.volume('nats-root');
    for (const one of volumes.map(String)) {
      const [source = '', target = ''] = one.split(':');
      const from = source.startsWith('./') ? path.join(root, source) : compose.volume(source);
      fs.cpSync(from, path.join(folder, target), { recursive: true });
    }
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]));
    const paths = { NATS_STORE: path.join(folder, 'jetstream'), NATS_ACCOUNTS: path.join(folder, 'accounts') };
    const printed = execFileSync(
      process.env['LAPWING_NATS_SERVER'] ?? '',
      ['-t', '-c', path.join(folder, 'etc/nats/nats.conf')],
      { env: { ...env, ...paths }, encoding: 'utf8', stdio: 'pipe' },
    );
    expect(printed).not.toContain('error');
  });

  it('the database is brought up to date by a program that ends', async () => {
    expect(await finished('migrate')).toBe('well');
    expect(await finished('migrate')).toBe('well');
  }, 120_000);

  it('all services become ready, and healthy by their own health checks', async () => {
    compose.nats = await NatsServer.start(compose.volume('nats-auth'), ['max_payload: 4MB']);
    const ofFleet = { FLEET_AGENT_NATS_URL: compose.nats.url };
    for (const name of names) running.set(name, compose.start(name, name === 'fleet' ? ofFleet : {}));
    for (const name of names) expect([name, await healthy(name)]).toEqual([name, true]);
  }, 240_000);

  it('the administrator logs in with the password that was made', async () => {
    base = `http://${compose.addressOf('gateway')}:8080`;
    const password = compose.setting('auth', 'LAPWING_ADMIN_PASSWORD');
    const { token } = await ask<{ token: string }>('/api/v1/auth/login', { username: 'admin', password });
    authorization = `Bearer ${token}`;
    expect(await ask('/health')).toMatchObject({ version: '9.8.7' });
  }, 30_000);

  it('the audit trail can be checked within', async () => {
    const container = compose.start('auth', {}, ['node', 'deploy/local/audit.mjs']);
    expect([await container.ended(), container.output]).toEqual([0, expect.stringMatching(/whole/)]);
  }, 60_000);

  it('the agent of the host is let in with a token, and reports', async () => {
    const id = compose.setting('agent', 'COLLECTOR_AGENT_ID');
    const { enrollment_token: token } = await ask<{ enrollment_token: string }>('/api/v1/agents', { id, name: id });
    running.set('agent', compose.start('agent', { LAPWING_URL: base, LAPWING_ENROLLMENT_TOKEN: token }));
    expect(await healthy('agent')).toBe(true);
    await eventually(async () => {
      const agent = await ask<{ status: string }>(`/api/v1/agents/${id}`);
      expect(agent).toMatchObject({ status: 'online' });
    }, 60_000);
  }, 200_000);

  it.each([...names, 'agent'])(
    '%s is the first process of its container, and ends with 0 when it is told to',
    async (name) => {
      const container = running.get(name);
      expect(container?.runs).toBe(true);
      expect([await container?.stop(), container?.output]).toEqual([0, expect.not.stringContaining('EROFS')]);
    },
    30_000,
  );
});
