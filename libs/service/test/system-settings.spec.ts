import { Bus } from '@lapwing/bus';
import { defaultSystemSettings, settingsChanged, settingsGet, type SystemSettings } from '@lapwing/contracts';
import { createLogger } from '@lapwing/telemetry';
import { NatsServer, eventually } from '@lapwing/testing';
import { FollowedSettings } from '../src/system-settings';

describe('followed settings', () => {
  let nats: NatsServer;
  let bus: Bus;
  let followed: FollowedSettings;
  const at = (revision: number, changes: Partial<SystemSettings> = {}): SystemSettings => ({
    ...defaultSystemSettings,
    ...changes,
    revision,
  });

  beforeEach(async () => {
    nats = await NatsServer.start();
    bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => expect(bus.online).toBe(true));
    followed = new FollowedSettings(bus);
  });
  afterEach(async () => {
    followed.onModuleDestroy();
    await bus.onApplicationShutdown();
    await nats.stop();
  });

  it('are asked for until somebody answers, and then follow the news, never backwards', async () => {
    const seen: number[] = [];
    followed.onChange(({ revision }) => seen.push(revision));
    followed.onApplicationBootstrap();
    expect(followed.current).toBeUndefined();
    bus.respond(settingsGet, async () => at(3));
    await eventually(() => expect(followed.current?.revision).toBe(3), 10_000);
    await bus.publish(settingsChanged, 'system', at(5, { retentionDays: 7 }));
    await eventually(() => expect(followed.current).toMatchObject({ revision: 5, retentionDays: 7 }));
    await bus.publish(settingsChanged, 'system', at(4));
    await bus.publish(settingsChanged, 'system', at(6));
    await eventually(() => expect(followed.current?.revision).toBe(6));
    expect(seen).toEqual([3, 5, 6]);
  });

  it('set how much every logger of the process tells', async () => {
    const level = process.env['LOG_LEVEL'];
    delete process.env['LOG_LEVEL'];
    const logger = createLogger('test');
    try {
      bus.respond(settingsGet, async () => at(1, { logLevel: 'debug' }));
      followed.onApplicationBootstrap();
      await eventually(() => expect(logger.level).toBe('debug'));
      expect(createLogger('test', 'later').level).toBe('debug');
      await bus.publish(settingsChanged, 'system', at(2, { logLevel: 'error' }));
      await eventually(() => expect(logger.level).toBe('error'));
      process.env['LOG_LEVEL'] = 'warn';
      await bus.publish(settingsChanged, 'system', at(3, { logLevel: 'debug' }));
      await eventually(() => expect(followed.current?.revision).toBe(3));
      expect(logger.level).toBe('error');
    } finally {
      if (level === undefined) delete process.env['LOG_LEVEL'];
      else process.env['LOG_LEVEL'] = level;
    }
  });
});
