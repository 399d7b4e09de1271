import { eventually } from '@lapwing/testing';
import { Lapwing, type Answer } from '../src/lapwing';

type Json = Record<string, unknown>;

describe('settings', () => {
  let lapwing: Lapwing;
  const ask = <T = Json>(
    method: string,
    path: string,
    body?: unknown,
    credentials: Record<string, string> = lapwing.credentials,
  ) => lapwing.ask<T>(method, path, credentials, body);
  const system = async () => (await ask('GET', '/api/system/settings')).body;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start([], { SETTINGS_CONNECTION_TIMEOUT: '7' });
  });
  afterAll(() => lapwing.stop());

  it('show through all views what was set through one', async () => {
    expect((await ask('PATCH', '/api/system/config', { retention_days: 30, batch_window_seconds: 45 })).body).toEqual({
      app_name: 'Lapwing',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
      retention_days: 30,
      batch_window_seconds: 45,
      batch_idle_timeout_seconds: 30,
      detection_confidence_threshold: 0.5,
    });
    expect((await ask('POST', '/api/v1/settings/refresh', { interval: 4 })).body).toEqual({ interval: 4 });
    const changed = await ask('POST', '/api/system/settings/update', { pollingInterval: 20, unheardOf: 1 });
    expect(changed).toMatchObject({ status: 200, body: { success: true, settings: { pollingInterval: 20 } } });
    expect((await ask('PUT', '/api/config/system', { theme: 'dark' })).body).toMatchObject({
      settings: { theme: 'dark' },
    });
    await ask('PUT', '/api/system/mock-mode', { enabled: false, config: { nodeCount: 3 } });
    const expected = {
      refreshInterval: 4,
      pollingInterval: 20,
      retentionDays: 30,
      batchWindowSeconds: 45,
      theme: 'dark',
      connectionTimeout: 7,
      envOverrides: { connectionTimeout: true },
      mockMode: { enabled: false, config: { nodeCount: 3, vmsPerNode: 5 } },
    };
    expect(await system()).toMatchObject(expected);
    expect((await ask('GET', '/api/config/system')).body).toEqual(await system());
    expect((await ask('GET', '/api/config')).body).toMatchObject({ settings: expected });
    expect((await ask('GET', '/api/system/config')).body).toMatchObject({ retention_days: 30 });
    expect((await ask('GET', '/api/settings')).body).toMatchObject({ theme: 'dark', refreshInterval: 4 });
  });

  it.each([
    [{ retention_days: 0 }, 'retention_days'],
    [{ retention_days: 366 }, 'retention_days'],
    [{ retention_days: 1.5 }, 'retention_days'],
    [{ retention_days: '30' }, 'retention_days'],
    [{ retention_days: null }, 'retention_days'],
    [{ batch_window_seconds: 0 }, 'batch_window_seconds'],
    [{ batch_idle_timeout_seconds: 86_401 }, 'batch_idle_timeout_seconds'],
    [{ detection_confidence_threshold: 1.01 }, 'detection_confidence_threshold'],
    [{ retention_days: 31, unheard_of: 1 }, 'unheard_of'],
    [{ app_name: 'mine' }, 'app_name'],
    [[], 'object'],
    ['{"retention_days":', ''],
  ])('refuse %j with 422, by the name of the field, and change nothing', async (changes, field) => {
    const before = await system();
    const { status, body } = await ask('PATCH', '/api/system/config', changes);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      success: false,
      code: 'INVALID_INPUT',
      error: expect.stringContaining(field) as string,
    });
    expect(await system()).toEqual(before);
  });

  it('take nothing at all for no change, and refuse what the environment holds fast', async () => {
    const before = await system();
    expect((await ask('PATCH', '/api/system/config', {})).status).toBe(200);
    expect(await ask('PUT', '/api/config/system', { connectionTimeout: 9, theme: 'light' })).toMatchObject({
      status: 400,
      body: { code: 'SETTING_OVERRIDDEN', error: expect.stringContaining('connectionTimeout') as string },
    });
    expect(await ask('PUT', '/api/config/system', { pollingInterval: 4 })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('pollingInterval') as string },
    });
    expect(await system()).toEqual(before);
    expect((await ask('PUT', '/api/config/system', before)).status).toBe(200);
    expect(await system()).toEqual(before);
  });

  it('tell whoever builds on what is no longer so, and lose none of two changes at once', async () => {
    const read: Answer<Json> = await ask('GET', '/api/system/config');
    const tag = read.headers.get('etag') ?? '';
    const change = (days: number) =>
      ask('PATCH', '/api/system/config', { retention_days: days }, { ...lapwing.credentials, 'if-match': tag });
    const both = await Promise.all([change(60), change(61)]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
    expect(both.find(({ status }) => status === 412)?.body).toMatchObject({ code: 'PRECONDITION_FAILED' });
    const won = both.find(({ status }) => status === 200)?.body['retention_days'];
    expect((await ask('GET', '/api/system/config')).body).toMatchObject({ retention_days: won });
    expect(
      (await ask('PATCH', '/api/system/config', {}, { ...lapwing.credentials, 'if-match': 'nonsense' })).status,
    ).toBe(412);
    await Promise.all([
      ask('POST', '/api/system/mock-mode', { enabled: false, config: { vmsPerNode: 2 } }),
      ask('POST', '/api/system/mock-mode', { enabled: false, config: { lxcsPerNode: 1 } }),
      ask('PATCH', '/api/system/config', { batch_idle_timeout_seconds: 31 }),
      ask('PATCH', '/api/system/config', { batch_window_seconds: 91 }),
    ]);
    expect(await system()).toMatchObject({
      mockMode: { config: { nodeCount: 3, vmsPerNode: 2, lxcsPerNode: 1 } },
      batchIdleTimeoutSeconds: 31,
      batchWindowSeconds: 91,
    });
  });

  it('leave every change in the audit trail, with what was before', async () => {
    await ask('PATCH', '/api/system/config', { retention_days: 90 });
    await ask('PATCH', '/api/system/config', { retention_days: 91 });
    await eventually(async () => {
      const { body } = await ask<{ entries: Json[] }>('GET', '/api/v1/audit?action=settings_changed&limit=1');
      expect(body.entries[0]).toMatchObject({
        user: 'admin',
        target: 'retentionDays',
        details: { retentionDays: { from: 90, to: 91 } },
      });
    });
  });

  it('belong to each user alone where they are his', async () => {
    await ask('POST', '/api/v1/users', {
      username: 'vera',
      password: 'long enough',
      email: 'v@example.com',
      roles: ['viewer'],
    });
    const vera = await lapwing.credentialsOf('vera', 'long enough');
    const changes = { theme: 'light', display: { units: 'binary' } };
    expect(await ask('POST', '/api/settings/update', changes, vera)).toMatchObject({ status: 200, body: changes });
    expect((await ask('GET', '/api/settings')).body).toMatchObject({ theme: 'dark', display: {} });
    expect((await ask('GET', '/api/settings', undefined, vera)).body).toMatchObject(changes);
    expect((await ask('POST', '/api/settings/update', { theme: 'pink' }, vera)).status).toBe(400);
    expect((await ask('GET', '/api/settings', undefined, {})).status).toBe(401);
    expect((await ask('GET', '/api/config', undefined, vera)).status).toBe(403);
    expect((await ask('PATCH', '/api/system/config', { retention_days: 1 }, vera)).status).toBe(403);
    expect((await ask('PATCH', '/api/system/config', { retention_days: 1 }, {})).status).toBe(401);
  });

  it('never show a secret in the whole configuration', async () => {
    const secrets = ['pa55word-of-the-node', 'pa55word-of-the-mail', 'secret-of-the-header'];
    const node = { type: 'pve', name: 'one', host: 'https://127.0.0.1:1', user: 'a@pam', password: secrets[0] };
    expect((await ask('POST', '/api/config/nodes', node)).status).toBe(200);
    const hook = { name: 'hook', url: 'https://127.0.0.1:1/x', service: 'generic', headers: { 'X-Key': secrets[2] } };
    await ask('POST', '/api/notifications/webhooks', hook);
    await ask('PUT', '/api/notifications/email', { server: 'mail.example.com', password: secrets[1] });
    const { status, body } = await ask('GET', '/api/config');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      nodes: [{ name: 'one', hasPassword: true }],
      alerts: {},
      notifications: { email: {} },
    });
    for (const secret of secrets) expect(JSON.stringify(body)).not.toContain(secret);
  });
});
