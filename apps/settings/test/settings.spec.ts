import { Bus } from '@lapwing/bus';
import { healthGet, defaultSystemSettings, settingsChanged, settingsGet, settingsUpdate } from '@lapwing/contracts';
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

  const serve = (databaseUrl: string): Promise<INestApplicationContext> =>
    NestFactory.createApplicationContext(
      SettingsModule.register(loadConfig({ NATS_URL: nats.url, DATABASE_URL: databaseUrl })),
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
    expect(await bus.request(settingsUpdate, { refreshInterval: 30 })).toEqual({
      ...defaultSystemSettings,
      refreshInterval: 30,
    });
    expect(await bus.request(settingsUpdate, {})).toEqual({ ...defaultSystemSettings, refreshInterval: 30 });
    await eventually(() => expect(heard).toContain(30));
    await app.close();
    app = await serve(database.url);
    expect(await eventually(() => bus.request(settingsGet, {}))).toEqual({
      ...defaultSystemSettings,
      refreshInterval: 30,
    });
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
