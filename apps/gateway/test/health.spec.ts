import { healthGet, type ServiceHealth } from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { lapwingVersion } from '../src/version';
import { Harness } from './harness';

const UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
const HEALTH = '/api/system/health';
const READY = '/api/system/health/ready';
const NOBODY = {};

interface Report {
  status: string;
  ready?: boolean;
  services: Record<string, { status: string; message: string; details: Record<string, string> | null }>;
  workers: { name: string; running: boolean; message: string | null }[];
}

describe('health and readiness', () => {
  let gateway: Harness;

  beforeAll(async () => {
    gateway = await Harness.start();
  });
  afterAll(() => gateway.stop());
  beforeEach(() => (gateway.behind.health = {}));

  const ask = async (path: string): Promise<[number, Report]> => {
    const { status, body } = await gateway.get(path, NOBODY);
    return [status, body as Report];
  };
  /** Waits until health and readiness say so: what was found a moment ago is told again. */
  const both = (health: [number, string], ready: [number, string]): Promise<[Report, Report]> =>
    eventually(async () => {
      const [one, other] = [await ask(HEALTH), await ask(READY)];
      expect([
        [one[0], one[1].status],
        [other[0], other[1].status],
      ]).toEqual([health, ready]);
      return [one[1], other[1]];
    });

  it('hsi-health: all parts by name, without a credential', async () => {
    const [{ services, ...rest }] = await both([200, 'healthy'], [200, 'ready']);
    expect(rest).toEqual({ status: 'healthy', timestamp: expect.stringMatching(UTC) as string });
    expect(services).toMatchObject({
      database: { status: 'healthy', message: 'Database operational', details: null },
      redis: { status: 'healthy', details: { redis_version: expect.stringMatching(/^\d+\./) as string } },
      ai: {
        status: 'healthy',
        details: { evaluation: 'healthy', routing: 'healthy', deliveries: 'healthy', log_rules: 'healthy' },
      },
      nats: { status: 'healthy', details: { nats_version: expect.stringMatching(/^\d+\./) as string } },
    });
    const own = ['settings', 'auth', 'metrics-store', 'log-store', 'fleet', 'alerting', 'updates'];
    expect(Object.keys(services)).toEqual(['database', 'redis', 'ai', 'nats', ...own]);
  });

  it('hsi-readiness: the workers by name, the four of the contract first', async () => {
    const [, report] = await both([200, 'healthy'], [200, 'ready']);
    expect(report).toMatchObject({ ready: true, timestamp: expect.stringMatching(UTC) as string });
    expect(report.workers.slice(0, 4)).toEqual(
      ['gpu_monitor', 'cleanup_service', 'detection_worker', 'analysis_worker'].map((name) => ({
        name,
        running: true,
        message: null,
      })),
    );
  });

  it('a service with a fault: 503 for people, ready for Kubernetes', async () => {
    gateway.behind.health = { fleet: 'degraded' };
    const [health, ready] = await both([503, 'degraded'], [200, 'degraded']);
    expect(health.services['fleet']).toMatchObject({ status: 'degraded' });
    expect(ready).toMatchObject({ ready: true });
  });

  it('a database that is away: 503 with the full body', async () => {
    gateway.behind.health = { 'metrics-store': 'unhealthy' };
    const [health, ready] = await both([503, 'unhealthy'], [503, 'not_ready']);
    expect(health.services).toMatchObject({ database: { status: 'unhealthy' }, redis: { status: 'healthy' } });
    expect(ready).toMatchObject({ ready: false, services: { redis: { status: 'healthy' } } });
    expect(ready.workers.length).toBeGreaterThan(4);
  });

  it('HEAD has the status of GET, and no body', async () => {
    await both([200, 'healthy'], [200, 'ready']);
    for (const path of ['/health', '/api/health', HEALTH, READY])
      expect(await gateway.raw(path, NOBODY, 'HEAD')).toEqual({ status: 200, body: '' });
    gateway.behind.health = { auth: 'unhealthy' };
    await both([503, 'unhealthy'], [503, 'not_ready']);
    expect(await gateway.raw(READY, NOBODY, 'HEAD')).toEqual({ status: 503, body: '' });
  });

  it('tyto-health, hsi-liveness, pulse-health and pulse-version: exactly these fields, whatever credential comes along', async () => {
    const stray = { authorization: 'Bearer nonsense', cookie: 'session=nonsense' };
    const uptime = expect.any(Number) as number;
    expect((await gateway.get('/health', stray)).body).toEqual({ status: 'alive', version: lapwingVersion, uptime });
    expect((await gateway.get('/api/v1/health', stray)).body).toEqual({
      status: 'ok',
      version: lapwingVersion,
      uptime,
    });
    const health = await gateway.get('/api/health', stray);
    expect(health.body).toEqual({ status: 'healthy', timestamp: expect.any(Number) as number, uptime });
    expect(health.headers.get('x-ratelimit-limit')).toBeNull();
    expect((await gateway.get('/api/version', stray)).body).toEqual({
      version: `v${lapwingVersion}`,
      build: 'release',
      runtime: 'node',
      channel: 'stable',
      isDocker: expect.any(Boolean) as boolean,
      isDevelopment: false,
    });
  });

  it('pulse-simple-stats: JSON, or a page without scripts for whoever wants one', async () => {
    const figures = ['nodes', 'nodesOnline', 'vms', 'containers', 'dockerHosts', 'activeAlerts', 'cpu', 'memory'];
    const { body, headers } = await gateway.get('/simple-stats', { accept: 'application/json, text/html;q=0.9' });
    expect(Object.keys(body as object)).toEqual([...figures, 'uptime', 'timestamp']);
    expect(Object.values(body as object).every((value) => typeof value === 'number')).toBe(true);
    expect(headers.get('vary')).toBe('accept');
    const page = await fetch(`${gateway.url}/simple-stats`, { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const text = await page.text();
    expect(text).toContain('<th>activeAlerts</th><td>0</td>');
    expect(text).not.toMatch(/<script|style=|on\w+=/i);
  });
});

describe('health for many who want to know', () => {
  let gateway: Harness;

  beforeAll(async () => {
    gateway = await Harness.start();
  });
  afterAll(() => gateway.stop());

  it('is asked for once', async () => {
    let asked = 0;
    const answer: ServiceHealth = { service: 'updates', status: 'healthy', checks: [] };
    gateway.bus.respondEach(healthGet('updates'), async () => {
      asked++;
      return answer;
    });
    await gateway.settle();
    await eventually(async () => {
      await gateway.get(HEALTH, NOBODY);
      expect(asked).toBeGreaterThan(0);
    });
    // What was found a moment ago has grown old: these are asked about anew.
    const before = asked;
    await eventually(async () => {
      await Promise.all(Array.from({ length: 50 }, () => gateway.get(READY, NOBODY)));
      expect(asked).toBeGreaterThan(before);
    });
    // Two looks at the most: one before the fifty, and one that all of them shared.
    expect(asked - before).toBeLessThanOrEqual(2);
  });
});
