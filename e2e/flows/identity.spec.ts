import { eventually } from '@lapwing/testing';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { Lapwing } from '../src/lapwing';

const root = path.resolve(__dirname, '../..');

type Json = Record<string, unknown>;

describe('identity', () => {
  let lapwing: Lapwing;
  const ask = <T = Json>(method: string, route: string, headers: Record<string, string> = {}, sent?: unknown) =>
    lapwing.ask<T>(method, route, headers, sent);

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start([], { TRUSTED_PROXIES: '127.0.0.1' });
    for (const role of ['operator', 'viewer']) {
      const user = { username: role, password: 'long enough', roles: [role] };
      expect((await ask('POST', '/api/v1/users', lapwing.credentials, user)).status).toBe(201);
    }
  }, 180_000);
  afterAll(() => lapwing.remove(), 60_000);

  it('speaks with people in a browser: cookies, CSRF, logout', async () => {
    const login = await ask('POST', '/api/login', lapwing.elsewhere(), {
      username: 'operator',
      password: 'long enough',
    });
    expect(login).toMatchObject({ status: 200, body: { success: true } });
    const [session = '', csrf = ''] = login.headers.getSetCookie();
    expect(session).toMatch(/^pulse_session=[\w-]{43}; .*HttpOnly; SameSite=Lax$/);
    expect(session).toContain('Path=/');
    expect(csrf).toMatch(/^pulse_csrf=[\w-]{43}; /);
    expect(csrf).not.toContain('HttpOnly');
    const cookie = [session, csrf].map((text) => text.split(';')[0]).join('; ');
    const token = /pulse_csrf=([\w-]+)/.exec(cookie)?.[1] ?? '';
    expect((await ask('GET', '/api/v1/auth/me', { cookie })).body).toMatchObject({
      username: 'operator',
      auth_provider: 'local',
    });
    const put = (headers: Record<string, string>) =>
      ask('PUT', '/api/v1/auth/me', { cookie, ...headers }, { email: 'o@example.com' });
    expect((await put({})).body).toMatchObject({ code: 'CSRF_INVALID' });
    expect((await put({ 'x-csrf-token': token })).body).toMatchObject({ email: 'o@example.com' });
    expect((await ask('POST', '/api/logout', { cookie })).status).toBe(403);
    expect((await ask('POST', '/api/logout', { cookie, 'x-csrf-token': token })).status).toBe(200);
    await eventually(async () => expect((await ask('GET', '/api/v1/auth/me', { cookie })).status).toBe(401));
    expect((await ask('POST', '/api/logout', {})).status).toBe(200);
  }, 90_000);

  it('tells failures as Pulse does, and locks', async () => {
    const from = lapwing.elsewhere();
    const attempt = () => ask('POST', '/api/login', from, { username: 'viewer', password: 'wrong' });
    const first = await attempt();
    expect(first.body).toMatchObject({
      success: false,
      code: 'INVALID_CREDENTIALS',
      attempts: 1,
      remaining: 4,
      maxAttempts: 5,
    });
    for (let tries = 2; tries <= 4; tries++) await attempt();
    expect((await attempt()).body).toMatchObject({ remaining: 0, locked: true });
    const locked = await ask('POST', '/api/v1/auth/login', lapwing.elsewhere(), {
      username: 'viewer',
      password: 'long enough',
    });
    expect(locked).toMatchObject({ status: 429, body: { code: 'ACCOUNT_LOCKED', locked: true, remainingMinutes: 15 } });
    expect(Number(locked.headers.get('retry-after'))).toBeGreaterThan(890);
    for (const identifier of ['viewer', from['x-forwarded-for']])
      expect((await ask('POST', '/api/security/reset-lockout', lapwing.credentials, { identifier })).status).toBe(200);
    await lapwing.credentialsOf('viewer', 'long enough');
  }, 160_000);

  it('lets five guesses through, at full speed and from everywhere', async () => {
    const user = { username: 'target', password: 'long enough', roles: [] };
    expect((await ask('POST', '/api/v1/users', lapwing.credentials, user)).status).toBe(201);
    const guess = (_: unknown, index: number) =>
      ask('POST', '/api/v1/auth/login', lapwing.elsewhere(), { username: 'target', password: `guess ${index}` });
    const answers = await Promise.all(Array.from({ length: 100 }, guess));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(95);
    const right = { username: 'target', password: 'long enough' };
    expect((await ask('POST', '/api/v1/auth/login', lapwing.elsewhere(), right)).status).toBe(429);
  }, 60_000);

  it('ends a stream within five seconds of a logout, and the token with it', async () => {
    const headers = await lapwing.credentialsOf('operator', 'long enough');
    const stream = await fetch(`${lapwing.url}/api/v1/stream`, { headers });
    const ended = (async () => {
      let text = '';
      for await (const chunk of stream.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
      return text;
    })();
    const begun = Date.now();
    expect((await ask('POST', '/api/v1/auth/logout', headers, {})).status).toBe(204);
    expect(await ended).toContain('logged out');
    expect(Date.now() - begun).toBeLessThan(5000);
    expect((await ask('GET', '/api/v1/auth/me', headers)).status).toBe(401);
  }, 90_000);

  it('changes nothing through fields that are not to be changed', async () => {
    const { body } = await ask<{ users: Json[] }>('GET', '/api/v1/users', lapwing.credentials);
    const viewer = body.users.find((user) => user['username'] === 'viewer') ?? {};
    const route = `/api/v1/users/${String(viewer['id'])}`;
    const sent =
      '{"permissions":["*"],"is_admin":true,"id":"x","auth_provider":"oidc","username":"root","__proto__":{"roles":["admin"]},"constructor":{"prototype":{"x":1}}}';
    const changed = await ask('PUT', route, lapwing.credentials, sent);
    // A body that reaches for prototypes is refused as a whole, or those fields are ignored.
    if (changed.status !== 400) expect(changed.body).toEqual(viewer);
    expect((await ask('GET', route, lapwing.credentials)).body).toEqual(viewer);
    expect(
      await ask('PUT', route, lapwing.credentials, { permissions: ['*'], is_admin: true, username: 'root' }),
    ).toMatchObject({ status: 200, body: viewer });
    const own = await lapwing.credentialsOf('operator', 'long enough');
    expect((await ask('PUT', '/api/v1/auth/me', own, { roles: ['admin'] })).status).toBe(400);
    const deep = `${'{"roles":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    expect((await ask('PUT', route, lapwing.credentials, deep)).status).toBe(400);
    expect((await ask('PUT', route, lapwing.credentials, { roles: Array(51).fill('viewer') })).status).toBe(400);
    expect((await ask('PUT', '/api/v1/users/1%20OR%201=1', lapwing.credentials, {})).status).toBe(400);
  });

  it('shows who did what, and never a secret', async () => {
    await ask('POST', '/api/v1/settings/refresh', lapwing.credentials, { interval: 6 });
    await ask('POST', '/api/security/tokens', lapwing.credentials, { name: 'told', permissions: ['logs:view'] });
    const viewer = await lapwing.credentialsOf('viewer', 'long enough');
    expect((await ask('GET', '/api/v1/audit', viewer)).status).toBe(403);
    await eventually(async () => {
      const { body } = await ask<{ activities: Json[] }>('GET', '/api/v1/system/activity', lapwing.credentials);
      expect(body.activities.find(({ action }) => action === 'settings_changed')).toMatchObject({
        id: expect.stringMatching(/^act-\d+$/) as string,
        type: 'settings',
        user: 'admin',
        target: 'refreshInterval',
        details: { refreshInterval: { from: 5, to: 6 } },
      });
    });
    const { body } = await ask<{ entries: Json[]; total: number }>(
      'GET',
      '/api/v1/audit?limit=1000',
      lapwing.credentials,
    );
    expect(body.total).toBe(body.entries.length);
    const actions = new Set(body.entries.map(({ type, action }) => `${String(type)} ${String(action)}`));
    for (const expected of [
      'user created',
      'session opened',
      'session refused',
      'session locked',
      'token created',
      'access denied',
    ])
      expect([...actions]).toContain(expected);
    expect(JSON.stringify(body)).not.toMatch(/long enough|correct horse|Bearer|pulse_[0-9a-f]{48}/);
  });

  it('writes no credential into a log', async () => {
    const token = lapwing.credentials.authorization.replace('Bearer ', '');
    await fetch(`${lapwing.url}/api/v1/stream?token=${token}`).then((answer) => answer.body?.cancel());
    await fetch(`${lapwing.url}/api/v1/history?token=${token}`, { headers: { authorization: 'Bearer wrong-one' } });
    const logs = readFileSync(path.join(lapwing.folder, 'logs/standalone-out.log'), 'utf8');
    expect(logs).not.toContain(token);
    expect(logs).not.toContain('wrong-one');
    expect(logs).not.toMatch(/long enough|correct horse/);
  });

  it('has an audit trail whose faults are found from the terminal', async () => {
    const verify = () =>
      spawnSync(process.execPath, ['deploy/local/audit.mjs', `--data-dir=${lapwing.folder}`], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, LAPWING_QUIET: '1', DATABASE_URL: '' },
      });
    const whole = verify();
    expect([whole.status, whole.stdout]).toEqual([0, expect.stringMatching(/the audit trail is whole: \d+ entries/)]);
    const client = new pg.Client({ connectionString: await lapwing.databaseUrl() });
    await client.connect();
    await client.query('ALTER TABLE auth.audit DISABLE TRIGGER ALL');
    await client.query(`UPDATE auth.audit SET "user" = 'mallory' WHERE id = 2`);
    const broken = verify();
    await client.query(`UPDATE auth.audit SET "user" = 'environment' WHERE id = 2`);
    await client.end();
    expect([broken.status, broken.stdout]).toEqual([1, expect.stringContaining('BROKEN: entry 2 was changed')]);
  }, 60_000);

  it('goes on when Redis has restarted: everyone logs in again, tokens still hold', async () => {
    const { body } = await ask<{ token: string }>('POST', '/api/security/tokens', lapwing.credentials, {
      name: 'over a restart',
    });
    const { pid } = await lapwing.find('redis');
    process.kill(pid, 'SIGKILL');
    await eventually(async () => expect((await lapwing.find('redis')).pid).not.toBe(pid), 30_000);
    await eventually(async () => expect((await lapwing.get('/api/v1/auth/me')).status).toBe(401), 30_000);
    expect((await ask('GET', '/api/v1/auth/me', { 'x-api-token': body.token })).status).toBe(200);
    await eventually(() => lapwing.logIn(), 30_000);
    expect((await lapwing.get('/api/v1/auth/me')).status).toBe(200);
    await eventually(async () => expect((await lapwing.get('/api/system/health/ready')).status).toBe(200), 30_000);
  }, 120_000);

  it('says 503, and never yes, while PostgreSQL is away', async () => {
    const processes = (await lapwing.processes()).filter(({ args }) => /(^postgres:|\/postgres$)/.test(args[0] ?? ''));
    const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
      for (const { pid } of processes) process.kill(pid, name);
    };
    signal('SIGSTOP');
    try {
      const seen: number[] = [];
      await eventually(async () => {
        const { status } = await lapwing.get('/api/v1/auth/me');
        seen.push(status);
        expect(status).toBe(503);
      }, 30_000);
      expect(seen.filter((status) => status !== 200 && status !== 503)).toEqual([]);
      expect((await ask('GET', '/api/v1/auth/me', { authorization: 'Bearer nobody' })).status).toBe(503);
      expect((await ask('GET', '/api/v1/auth/me')).status).toBe(401);
      expect((await ask('GET', '/health')).status).toBe(200);
    } finally {
      signal('SIGCONT');
    }
    await eventually(async () => expect((await lapwing.get('/api/v1/auth/me')).status).toBe(200), 30_000);
  }, 120_000);

  it('lets people in again through recovery mode, on the server itself', async () => {
    const recover = (action: string, headers = {}) => ask('POST', '/api/security/recovery', headers, { action });
    expect((await recover('disable_auth', { 'x-forwarded-for': '127.0.0.1' })).status).toBe(403);
    expect((await recover('open_sesame')).status).toBe(400);
    expect((await recover('disable_auth')).body).toMatchObject({ success: true });
    expect((await ask('GET', '/api/v1/users')).status).toBe(200);
    expect((await ask('GET', '/api/v1/users', { 'x-forwarded-for': '192.0.2.1' })).status).toBe(401);
    expect((await recover('enable_auth')).status).toBe(200);
    await eventually(async () => expect((await ask('GET', '/api/v1/users')).status).toBe(401), 5000);
  });
});
