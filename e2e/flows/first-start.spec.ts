import { eventually } from '@lapwing/testing';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';

describe('the first start', () => {
  let lapwing: Lapwing;
  beforeEach(async () => {
    lapwing = await Lapwing.create();
  });
  afterEach(() => lapwing.remove(), 60_000);

  const login = (password: string) =>
    fetch(`${lapwing.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password }),
    });

  it('makes a password, shows it once, and keeps it for its owner alone', async () => {
    await lapwing.start([], { LAPWING_ADMIN_PASSWORD: '' });
    const password = /password (\S+) \(shown once/.exec(lapwing.printed)?.[1] ?? '';
    expect(password.length).toBeGreaterThanOrEqual(16);
    expect((await login(password)).status).toBe(200);
    const file = path.join(lapwing.folder, 'admin-password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(lapwing.folder, 'secret.key')).mode & 0o777).toBe(0o600);
    await lapwing.stop();
    await lapwing.start([], { LAPWING_ADMIN_PASSWORD: '' });
    expect(lapwing.printed).not.toContain(password);
    expect(lapwing.printed).toContain(file);
    expect((await login(password)).status).toBe(200);
    const found = spawnSync('grep', ['-rlF', '-e', password, path.join(lapwing.folder, 'logs')], { encoding: 'utf8' });
    expect([found.status, found.stdout]).toEqual([1, '']);
  }, 180_000);

  it('with tokens alone: no user, API-only, and quick setup until there is one', async () => {
    await lapwing.start([], { LAPWING_ADMIN_PASSWORD: '', API_TOKENS: 'token-that-is-long-enough' });
    const status = async () =>
      (await (await fetch(`${lapwing.url}/api/security/status`)).json()) as Record<string, unknown>;
    expect(await status()).toMatchObject({
      apiTokenConfigured: true,
      hasAuthentication: true,
      requiresAuth: true,
      apiTokenHint: '',
    });
    const ask = (route: string, init: RequestInit = {}) => fetch(lapwing.url + route, init);
    const headers = { 'x-api-token': 'token-that-is-long-enough' };
    expect((await ask('/api/v1/users', { headers })).status).toBe(200);
    expect((await ask('/api/v1/users')).status).toBe(401);
    const setup = (body: object) =>
      ask('/api/security/quick-setup', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const made = await setup({ username: 'admin', password: 'long enough', generateApiToken: true });
    const { apiToken } = (await made.json()) as { apiToken: string };
    expect([made.status, apiToken]).toEqual([200, expect.stringMatching(/^pulse_[0-9a-f]{48}$/)]);
    expect((await ask('/api/v1/users', { headers: { 'x-api-token': apiToken } })).status).toBe(200);
    expect((await setup({ username: 'second', password: 'long enough' })).status).toBe(403);
    expect((await login('long enough')).status).toBe(200);
  }, 120_000);

  it('applies and restarts, where that is wanted', async () => {
    await lapwing.start(['--services'], { RESTART_ON_APPLY: 'true' });
    const before = await lapwing.find('auth');
    const answer = await fetch(`${lapwing.url}/api/security/apply-restart`, {
      method: 'POST',
      headers: lapwing.credentials,
    });
    expect(await answer.json()).toMatchObject({ success: true, restarting: true });
    await eventually(async () => expect((await lapwing.find('auth')).pid).not.toBe(before.pid), 30_000);
    await eventually(async () => expect((await lapwing.get('/api/system/health/ready')).status).toBe(200), 60_000);
    expect((await lapwing.get('/api/v1/auth/me')).status).toBe(200);
  }, 180_000);
});
