import { Bus } from '@lapwing/bus';
import {
  auditOccurred,
  defaultSystemSettings,
  healthGet,
  settingsChanged,
  settingsGet,
  settingsUpdate,
  usersettingsGet,
  usersettingsUpdate,
  type UserSettingChanges,
} from '@lapwing/contracts';
import { Postgres } from '@lapwing/postgres';
import { NatsServer, createDatabase, eventually, freePort } from '@lapwing/testing';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../src/config';
import { SettingsModule } from '../src/settings.module';

describe('settings', () => {
  let nats: NatsServer;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let bus: Bus;
  let app: INestApplicationContext;

  const serve = (databaseUrl: string, environment: NodeJS.ProcessEnv = {}): Promise<INestApplicationContext> =>
    NestFactory.createApplicationContext(
      SettingsModule.register(loadConfig({ NATS_URL: nats.url, DATABASE_URL: databaseUrl, ...environment })),
      { logger: false },
    );

  beforeEach(async () => {
    nats = await NatsServer.start();
    database = await createDatabase();
    bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
  });
  afterEach(async () => {
    await app.close();
    await bus.onApplicationShutdown();
    await database.drop();
    await nats.stop();
  });

  it('has defaults, keeps what was set over a restart, and tells everybody', async () => {
    const heard: number[] = [];
    bus.listen(settingsChanged, '*', ({ refreshInterval }) => heard.push(refreshInterval));
    app = await serve(database.url);
    expect(await eventually(() => bus.request(settingsGet, {}))).toEqual({
      ...defaultSystemSettings,
      refreshInterval: 5,
    });
    const changed = { ...defaultSystemSettings, refreshInterval: 30, revision: 1 };
    expect(await bus.request(settingsUpdate, { refreshInterval: 30 })).toEqual(changed);
    expect(await bus.request(settingsUpdate, {})).toEqual(changed);
    expect(await bus.request(settingsUpdate, { refreshInterval: 30 })).toEqual(changed);
    await eventually(() => expect(heard).toContain(30));
    await app.close();
    app = await serve(database.url);
    expect(await eventually(() => bus.request(settingsGet, {}))).toEqual(changed);
    expect(heard).toEqual([30]);
  });

  it('loses none of two changes at once, and refuses one that builds on what somebody else has changed', async () => {
    app = await serve(database.url);
    const { revision } = await eventually(() => bus.request(settingsGet, {}));
    const both = await Promise.all([
      bus.request(settingsUpdate, { retentionDays: 30 }),
      bus.request(settingsUpdate, { batchWindowSeconds: 45 }),
    ]);
    expect(both.map((one) => one.revision).toSorted((a, b) => a - b)).toEqual([revision + 1, revision + 2]);
    expect(await bus.request(settingsGet, {})).toMatchObject({ retentionDays: 30, batchWindowSeconds: 45 });
    await expect(bus.request(settingsUpdate, { retentionDays: 60, ifRevision: revision })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      details: { revision: revision + 2 },
    });
    expect(await bus.request(settingsUpdate, { retentionDays: 60, ifRevision: revision + 2 })).toMatchObject({
      retentionDays: 60,
      revision: revision + 3,
    });
  });

  it('leaves in the audit trail who set what, before and after', async () => {
    const told: unknown[] = [];
    bus.listen(auditOccurred, '*', ({ action, target, details, actor }) =>
      told.push([action, target, details, actor.name]),
    );
    app = await serve(database.url);
    await eventually(() => bus.request(settingsGet, {}));
    const actor = { name: 'ada', userId: null, sessionHash: null, permissions: ['*'], address: '127.0.0.1' };
    await bus.request(settingsUpdate, { retentionDays: 30, theme: 'auto', actor });
    await eventually(() =>
      expect(told).toEqual([
        ['settings_changed', 'retentionDays, theme', { retentionDays: { from: 365, to: 30 }, revision: 1 }, 'ada'],
      ]),
    );
  });

  it('shows what the environment holds fast, and refuses to change it', async () => {
    app = await serve(database.url, { SETTINGS_RETENTION_DAYS: '14', SETTINGS_API_KEY_ENABLED: 'false' });
    const settings = await eventually(() => bus.request(settingsGet, {}));
    expect(settings).toMatchObject({
      retentionDays: 14,
      apiKeyEnabled: false,
      overridden: ['retentionDays', 'apiKeyEnabled'],
    });
    await expect(bus.request(settingsUpdate, { retentionDays: 30, theme: 'dark' })).rejects.toMatchObject({
      code: 'SETTING_OVERRIDDEN',
    });
    expect(await bus.request(settingsUpdate, { retentionDays: 14, theme: 'dark' })).toMatchObject({
      retentionDays: 14,
      theme: 'dark',
    });
  });

  it.each([
    [{ SETTINGS_RETENTION_DAYS: '366' }, 'SETTINGS_RETENTION_DAYS'],
    [{ SETTINGS_THEME: 'pink' }, 'SETTINGS_THEME'],
    [{ SETTINGS_DISCOVERY_SUBNETS: '10.0.0.0/8' }, 'SETTINGS_DISCOVERY_SUBNETS'],
    [{ SETTINGS_API_KEY_ENABLED: 'perhaps' }, 'SETTINGS_API_KEY_ENABLED'],
  ])('does not start with %j', (environment, variable) => {
    expect(() => loadConfig(environment)).toThrow(variable);
  });

  it('reads what a newer version wrote as if it were not there', async () => {
    app = await serve(database.url);
    await eventually(() => bus.request(settingsGet, {}));
    await app
      .get(Postgres)
      .query(
        'test.newer',
        `INSERT INTO settings.setting (name, value) VALUES ('retentionDays', '"for ever"'), ('unheardOf', '1'), ('theme', '"dark"')`,
      );
    expect(await bus.request(settingsGet, {})).toMatchObject({ retentionDays: 365, theme: 'dark' });
  });

  it('keeps what each user has chosen, merged key by key, and lets it be taken back', async () => {
    app = await serve(database.url);
    await eventually(() => bus.request(settingsGet, {}));
    const owner = 'user:5f0c8a55-7a43-4f0e-9a3e-7c1d5a3b9d10';
    const change = (changes: UserSettingChanges) => bus.request(usersettingsUpdate, { owner, changes });
    expect(await bus.request(usersettingsGet, { owner })).toEqual({
      theme: 'auto',
      refreshInterval: 5,
      dashboardLayout: {},
      display: {},
    });
    await Promise.all([
      change({ theme: 'dark' }),
      change({ display: { units: 'binary' } }),
      change({ display: { dense: true } }),
    ]);
    const chosen = {
      theme: 'dark',
      refreshInterval: 5,
      dashboardLayout: {},
      display: { units: 'binary', dense: true },
    };
    expect(await bus.request(usersettingsGet, { owner })).toEqual(chosen);
    expect(await bus.request(usersettingsGet, { owner: 'token:7' })).toMatchObject({ theme: 'auto', display: {} });
    expect(await change({ theme: null, display: { dense: null } })).toEqual({
      ...chosen,
      theme: 'auto',
      display: { units: 'binary' },
    });
    await expect(change({ dashboardLayout: { all: 'x'.repeat(70_000) } })).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await bus.request(usersettingsGet, { owner })).toMatchObject({ dashboardLayout: {} });
    await bus.request(settingsUpdate, { theme: 'light', refreshInterval: 9 });
    expect(await bus.request(usersettingsGet, { owner })).toMatchObject({ theme: 'light', refreshInterval: 9 });
  });

  it.each([0, 301, 1.5])('refuses an interval of %d, and changes nothing', async (refreshInterval) => {
    app = await serve(database.url);
    await eventually(() => bus.request(settingsGet, {}));
    await expect(bus.request(settingsUpdate, { refreshInterval })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await bus.request(settingsGet, {})).toEqual({ ...defaultSystemSettings, refreshInterval: 5 });
  });

  it('starts without its database, says so, and answers UNAVAILABLE', async () => {
    app = await serve(`postgres://127.0.0.1:${await freePort()}/nowhere`);
    const { status, checks } = await eventually(() => bus.request(healthGet('settings'), {}));
    expect([status, checks.find((check) => check.name === 'database')?.status]).toEqual(['unhealthy', 'unhealthy']);
    await expect(bus.request(settingsGet, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
