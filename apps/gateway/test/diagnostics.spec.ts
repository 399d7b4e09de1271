import { diagnosticsGet, observationKey, targetObserved, type ServiceDiagnostics } from '@lapwing/contracts';
import { hashOf } from '../src/http/credential';
import { eventually } from '@lapwing/testing';
import { Harness, principal } from './harness';

const PATH = '/api/diagnostics';
const READER = 'token-of-a-reader';
const OTHER = 'token-of-somebody-else';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const target = { id: 'pve-1', type: 'pve' as const, name: 'home', host: 'https://pve.example.com:8006' };
const node = {
  ...target,
  user: '',
  hasPassword: false,
  tokenName: 'a@pam!b',
  hasToken: true,
  fingerprint: '',
  caCertificate: '',
  verifySSL: true,
  monitor: {},
  source: 'manual' as const,
  createdAt: 1,
  updatedAt: 1,
};

function told(service: string, more: Partial<ServiceDiagnostics> = {}): ServiceDiagnostics {
  return {
    service,
    status: 'healthy',
    checks: [{ name: 'database', kind: 'dependency', status: 'healthy', message: 'Database operational' }],
    instance: `${service}-1`,
    startedAt: 1,
    version: '1.2.3',
    node: 'v24.0.0',
    uptime: 60.5,
    memory: { rss: 4, heapUsed: 2, heapTotal: 3, external: 1 },
    cpu: 2.5,
    eventLoop: { mean: 0.1, p99: 1, max: 2 },
    problems: [],
    breakers: [],
    consumers: [],
    ...more,
  };
}

describe('diagnostics', () => {
  let gateway: Harness;
  let asked = 0;

  beforeAll(async () => {
    const behind = { nodes: [node] };
    gateway = await Harness.start({}, behind);
    gateway.behind.principals.set(hashOf(READER), principal(['system:read']));
    gateway.behind.principals.set(hashOf(OTHER), principal(['metrics:read', 'nodes:view']));
    const problem = { service: 'alerting', component: 'clock', message: 'alerts could not be routed', error: null };
    const problems = [
      { ...problem, time: 1000, level: 'warn' as const, count: 3 },
      { ...problem, time: 2000, level: 'error' as const, count: 1 },
    ];
    const breaker = { name: 'stable', failures: null, since: 1000, retryAt: 61_000, reason: 'UPDATE_FEED_UNREACHABLE' };
    const consumer = { stream: 'JOBS', consumer: 'alerting-deliveries', pending: 2, unacknowledged: 1, redelivered: 0 };
    gateway.bus.respondEach(diagnosticsGet('alerting'), async () => {
      asked++;
      return told('alerting', { problems, consumers: [consumer] });
    });
    gateway.bus.respondEach(diagnosticsGet('alerting'), async () =>
      told('alerting', { instance: 'alerting-2', consumers: [consumer] }),
    );
    gateway.bus.respondEach(diagnosticsGet('updates'), async () =>
      told('updates', { breakers: [{ kind: 'feed', ...breaker }] }),
    );
    const link = {
      type: 'pve' as const,
      host: node.host,
      status: 'offline' as const,
      health: 'error' as const,
      fault: 'remote' as const,
      error: 'the server said hunter2',
      version: '9.0.3',
      isCluster: false,
      clusterName: '',
      endpoints: [],
      reachedAt: Date.UTC(2026, 0, 15, 10, 30),
      intervalSeconds: 60,
      failures: 7,
    };
    const observation = {
      targetId: 'pve-1',
      section: 'link' as const,
      time: Date.now(),
      part: 0,
      parts: 1,
      items: [link],
    };
    await gateway.bus.publish(targetObserved, observationKey(observation), observation);
    await eventually(async () => {
      const { body } = await gateway.get('/api/config/nodes');
      expect(body).toMatchObject([{ version: '9.0.3' }]);
    });
    await gateway.settle();
  });
  afterAll(() => gateway.stop());

  it('are for those who may read the system, and never for nobody', async () => {
    expect((await gateway.get(PATH, {})).status).toBe(401);
    expect((await gateway.get(PATH, bearer(OTHER))).status).toBe(403);
    Object.assign(gateway.behind.security, { users: false });
    await eventually(async () => expect((await gateway.get('/api/config/nodes', {})).status).toBe(200));
    expect((await gateway.get(PATH, {})).status).toBe(401);
    Object.assign(gateway.behind.security, { users: true });
    expect((await gateway.get(PATH, bearer(READER))).status).toBe(200);
  });

  it('tell how everything is', async () => {
    const { body, headers } = await gateway.get(PATH, bearer(READER));
    expect(body).toMatchObject({
      version: expect.stringMatching(/^v\d/) as string,
      build: 'release',
      runtime: 'node',
      uptime: expect.any(Number) as number,
      system: { os: process.platform, arch: process.arch, nodeVersion: process.version },
      nodes: [
        {
          id: 'pve-1',
          name: 'home',
          type: 'pve',
          connected: false,
          status: 'error',
          lastPoll: '2026-01-15T10:30:00Z',
          error: 'the server answers with an error',
          failures: 7,
          version: '9.0.3',
        },
      ],
      services: {
        database: { status: 'healthy' },
        alerting: { replicas: [{ version: '1.2.3', cpu: 2.5 }, { checks: [{ name: 'database' }] }] },
      },
      errors: [
        { time: '1970-01-01T00:00:02Z', level: 'error', service: 'alerting', component: 'clock', count: 1 },
        { time: '1970-01-01T00:00:01Z', level: 'warn', message: 'alerts could not be routed', error: null, count: 3 },
      ],
      queue: { consumers: [{ stream: 'JOBS', consumer: 'alerting-deliveries', pending: 2 }] },
      breakers: [
        { kind: 'feed', name: 'stable', state: 'open', retryAt: '1970-01-01T00:01:01Z' },
        { kind: 'target', name: 'pve-1', state: 'open', failures: 7, reason: 'remote' },
      ],
      performance: { requests: { count: expect.any(Number) as number, failed: expect.any(Number) as number } },
      timestamp: expect.any(Number) as number,
    });
    const { queue, timestamp } = body as { queue: { streams: { stream: string }[] }; timestamp: number };
    expect(queue.streams.map(({ stream }) => stream)).toContain('SAMPLES');
    const cachedAt = headers.get('x-diagnostics-cached-at') ?? '';
    expect(Math.floor(Date.parse(cachedAt) / 1000)).toBe(timestamp);
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('are made once for many, and tell when', async () => {
    const first = (await gateway.get(PATH, bearer(READER))).headers.get('x-diagnostics-cached-at');
    const answers = await Promise.all(Array.from({ length: 30 }, () => gateway.get(PATH, bearer(READER))));
    expect(new Set(answers.map(({ headers }) => headers.get('x-diagnostics-cached-at')))).toEqual(new Set([first]));
    expect(asked).toBe(1);
  });

  it('are made once for many who come at the same time, before any was made', async () => {
    const url = await gateway.replica();
    const before = asked;
    await eventually(async () => expect((await fetch(`${url}/api/system/health/ready`)).status).toBe(200));
    const all = Array.from({ length: 20 }, () => fetch(url + PATH, { headers: bearer(READER) }));
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array<number>(20).fill(200));
    expect(asked - before).toBe(1);
  });
});
