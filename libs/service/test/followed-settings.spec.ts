import { Bus } from '@lapwing/bus';
import { LapwingError, defaultSystemSettings, settingsChanged, settingsGet } from '@lapwing/contracts';
import { FollowedSettings } from '@lapwing/service';
import { createLogger } from '@lapwing/telemetry';
import { NatsServer, eventually } from '@lapwing/testing';

const DAY = 86_400_000;
const settings = (retentionDays: number, revision: number) => ({ ...defaultSystemSettings, retentionDays, revision });

describe('the settings that a service follows', () => {
  let nats: NatsServer;
  let bus: Bus;
  let followed: FollowedSettings;

  beforeEach(async () => {
    nats = await NatsServer.start();
    bus = new Bus({ service: 'test', servers: nats.url });
    bus.onModuleInit();
    await eventually(() => bus.online);
    followed = new FollowedSettings(bus);
  });
  afterEach(async () => {
    followed.onModuleDestroy();
    await bus.onApplicationShutdown();
    await nats.stop();
  });

  it('are the defaults until somebody tells them, and then those', async () => {
    let isAway = true;
    let asked = 0;
    bus.respond(settingsGet, async () => {
      asked++;
      if (isAway) throw new LapwingError('UNAVAILABLE');
      return settings(30, 5);
    });
    followed.onApplicationBootstrap();
    await eventually(() => expect(asked).toBeGreaterThan(0));
    expect([followed.current, followed.keptSince(400 * DAY)]).toEqual([defaultSystemSettings, 35 * DAY]);
    isAway = false;
    await eventually(() => expect(followed.keptSince(400 * DAY)).toBe(370 * DAY));
  });

  it('change with the news, and not back with news or an answer from before', async () => {
    let answer: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    let asked = 0;
    bus.respond(settingsGet, async () => {
      asked++;
      await held;
      return settings(30, 5);
    });
    followed.onApplicationBootstrap();
    await eventually(() => expect(asked).toBe(1));
    await bus.publish(settingsChanged, 'system', settings(7, 6));
    await eventually(() => expect(followed.current.retentionDays).toBe(7));
    await bus.publish(settingsChanged, 'system', settings(90, 4));
    answer?.();
    await bus.publish(settingsChanged, 'system', settings(8, 7));
    await eventually(() => expect(followed.current.retentionDays).toBe(8));
    expect(followed.current.revision).toBe(7);
  });

  it('set how much every logger of the process tells', async () => {
    const level = process.env['LOG_LEVEL'];
    delete process.env['LOG_LEVEL'];
    const logger = createLogger('test');
    try {
      bus.respond(settingsGet, async () => ({ ...settings(30, 1), logLevel: 'debug' as const }));
      followed.onApplicationBootstrap();
      await eventually(() => expect(logger.level).toBe('debug'));
      expect(createLogger('test', 'later').level).toBe('debug');
      await bus.publish(settingsChanged, 'system', { ...settings(30, 2), logLevel: 'error' });
      await eventually(() => expect(logger.level).toBe('error'));
      process.env['LOG_LEVEL'] = 'warn';
      await bus.publish(settingsChanged, 'system', { ...settings(30, 3), logLevel: 'debug' });
      await eventually(() => expect(followed.current.revision).toBe(3));
      expect(logger.level).toBe('error');
    } finally {
      if (level === undefined) delete process.env['LOG_LEVEL'];
      else process.env['LOG_LEVEL'] = level;
    }
  });
});
