import { Bus } from '@lapwing/bus';
import { diagnosticsGet, healthGet, serviceStopped, type HealthStatus } from '@lapwing/contracts';
import { Health, worstOf } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import { NatsServer, eventually } from '@lapwing/testing';
import { listenForOps } from '../src/ops';
import type { AddressInfo } from 'node:net';

describe('the health of a service', () => {
  let nats: NatsServer;
  let bus: Bus;
  let health: Health;

  beforeEach(async () => {
    nats = await NatsServer.start();
    bus = new Bus({ service: 'settings', servers: nats.url });
    health = new Health(bus);
    bus.onModuleInit();
    health.onApplicationBootstrap();
    await eventually(() => bus.online);
  });
  afterEach(async () => {
    await bus.onApplicationShutdown();
    await nats.stop();
  });

  it('is as bad as the worst of its checks', async () => {
    health.add('database', 'dependency', () => ({ status: 'healthy', message: 'fine' }));
    health.add('worker', 'worker', () => ({ status: 'degraded', message: 'slow' }));
    expect(await health.report()).toEqual({
      service: 'settings',
      instance: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
      startedAt: expect.any(Number) as number,
      isStarting: false,
      status: 'degraded',
      checks: [
        { name: 'bus', kind: 'dependency', status: 'healthy', message: 'connected to NATS' },
        { name: 'database', kind: 'dependency', status: 'healthy', message: 'fine' },
        { name: 'worker', kind: 'worker', status: 'degraded', message: 'slow' },
      ],
    });
    expect(worstOf([])).toBe('healthy');
  });

  it('is starting until it was ready once', async () => {
    let status: HealthStatus = 'unhealthy';
    health.add('database', 'dependency', () => ({ status, message: 'speaks' }));
    const isStarting = async (): Promise<boolean> => (await health.report()).isStarting;
    expect(await isStarting()).toBe(true);
    status = 'healthy';
    expect(await isStarting()).toBe(false);
    status = 'unhealthy';
    expect(await isStarting()).toBe(false);
  });

  it('calls a check that throws or hangs unhealthy, without its text', async () => {
    health.add('throws', 'dependency', () => {
      throw new Error('hunter2');
    });
    health.add('hangs', 'dependency', () => new Promise(() => {}));
    const { status, checks } = await health.report();
    expect(status).toBe('unhealthy');
    expect(checks.slice(1).map((check) => check.message)).toEqual(['does not answer', 'does not answer']);
  });

  it('is degraded and no worse when a worker stands still', async () => {
    health.add('worker', 'worker', () => ({ status: 'unhealthy', message: 'has done nothing for 60 s' }));
    const { status, checks } = await health.report();
    expect([status, checks[1]?.status]).toEqual(['degraded', 'unhealthy']);
  });

  it('is told by each replica, with what it knows about itself; whoever stops says so', async () => {
    const asker = new Bus({ service: 'gateway', servers: nats.url });
    const other = new Bus({ service: 'settings', servers: nats.url });
    for (const one of [asker, other]) one.onModuleInit();
    const second = new Health(other);
    second.onApplicationBootstrap();
    second.addBreakers(() => [
      { kind: 'feed', name: 'stable', failures: 1, since: null, retryAt: null, reason: 'unanswered' },
    ]);
    const log = createLogger('settings', 'test');
    // Tests are silent otherwise.
    log.level = 'warn';
    log.warn({ error: describeError(new TypeError('hunter2')) }, 'a test warns');
    const stopped: string[] = [];
    asker.listen(serviceStopped, 'settings', ({ instance }) => stopped.push(instance));
    const told = await eventually(async () => {
      const gathering = { waitMs: 1000, settleMs: 0, isEnough: (all: readonly unknown[]) => all.length === 2 };
      const answers = await asker.requestAll(diagnosticsGet('settings'), {}, gathering);
      expect(answers).toHaveLength(2);
      return answers;
    });
    expect(new Set(told.map(({ instance }) => instance)).size).toBe(2);
    expect(told.flatMap(({ breakers }) => breakers)).toHaveLength(1);
    for (const { memory, version, problems } of told) {
      expect([memory.rss > 0, version]).toEqual([true, expect.stringMatching(/^\d+\.\d+/)]);
      expect(problems).toContainEqual(
        expect.objectContaining({ component: 'test', message: 'a test warns', error: 'TypeError' }),
      );
    }
    expect(JSON.stringify(told)).not.toContain('hunter2');
    await other.stopAnswering();
    const { instance } = await second.report();
    await eventually(() => expect(stopped).toEqual([instance]));
    expect(await second.report()).toMatchObject({ status: 'unhealthy', checks: [{ message: 'about to stop' }] });
    await Promise.all([asker.onApplicationShutdown(), other.onApplicationShutdown()]);
  });

  it('is told on the bus', async () => {
    const asker = new Bus({ service: 'gateway', servers: nats.url });
    asker.onModuleInit();
    const answer = await eventually(() => asker.request(healthGet('settings'), {}));
    expect(answer.status).toBe('healthy');
    await asker.onApplicationShutdown();
  });

  it('is told over HTTP: alive, ready, metrics', async () => {
    const server = await listenForOps(health, 0, '127.0.0.1');
    const { port } = server.address() as AddressInfo;
    const get = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return [answer.status, await answer.text()];
    };
    expect(await get('/health')).toEqual([200, '{"status":"alive"}']);
    expect((await get('/ready'))[0]).toBe(200);
    expect((await get('/metrics'))[1]).toContain('lapwing_bus_connected{service="settings"} 1');
    expect((await get('/nonsense'))[0]).toBe(404);
    await nats.kill();
    await eventually(() => !bus.online);
    expect((await get('/ready'))[0]).toBe(503);
    expect((await get('/health'))[0]).toBe(200);
    server.close();
  });
});
