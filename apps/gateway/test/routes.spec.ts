import { LapwingError } from '@lapwing/contracts';
import { eventually, hostSample } from '@lapwing/testing';
import { routesOf } from '../src/http/route-list';
import { controllers } from '../src/routes/registry';
import { Harness } from './harness';

const GIB = 2 ** 30;
const UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

describe('the routes', () => {
  let gateway: Harness;
  const now = Math.floor(Date.now() / 1000) * 1000;

  beforeAll(async () => {
    gateway = await Harness.start();
    const gpu = {
      index: 0,
      name: 'A5500',
      vendor: 'nvidia',
      utilization: 75.5,
      memoryUsed: 12 * GIB,
      memoryTotal: 24 * GIB,
      temperature: 65,
      powerWatts: null,
    };
    await gateway.sample(
      hostSample(1, now, { gpu: { available: true, gpus: [{ ...gpu, index: 1, name: 'second' }, gpu] } }),
    );
    await eventually(async () => expect((await gateway.get('/api/v1/system/resources')).status).toBe(200));
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    Object.assign(gateway.behind, { health: {}, refusal: undefined, asked: [], history: { times: [], columns: {} } });
  });

  it('supascale-resources-get: the document, and its optional parts', async () => {
    const document = {
      cpu: { usage: 16, cores: 2, model: 'Model', loadAverage: [0.5, 0.4, 0.3] },
      memory: { total: 16 * GIB, used: 9 * GIB, free: 7 * GIB, usagePercent: 56.3 },
      disk: { total: 500 * GIB, used: 100 * GIB, free: 400 * GIB, usagePercent: 20 },
      network: { bytesIn: 1e9, bytesOut: 5e8 },
    };
    expect((await gateway.get('/api/v1/system/resources')).body).toEqual(document);
    const more = await gateway.get('/api/v1/system/resources?processes=true&info=1&sortBy=memory&limit=7');
    expect(more.body).toMatchObject({
      ...document,
      processes: [{ pid: 1001, name: 'worker-1001', cpu: 1.5, memory: 50_000_000, memoryPercent: 0.31 }],
      info: { hostname: 'web-1', arch: 'x86_64' },
    });
    expect(gateway.behind.asked).toEqual([{ name: 'list', input: { sortBy: 'memory', limit: 7 } }]);
  });

  it('supascale-process-kill: polite by default; names and numbers', async () => {
    const kill = (more: object) => gateway.post('/api/v1/system/resources', { action: 'kill', pid: 1234, ...more });
    expect(await kill({})).toEqual({ status: 200, body: { success: true, message: 'Process 1234 terminated' } });
    expect(await kill({ signal: 'SIGKILL' })).toMatchObject({
      status: 200,
      body: { message: 'Process 1234 terminated' },
    });
    expect(await kill({ signal: 19 })).toMatchObject({ status: 200, body: { message: 'Process 1234 sent SIGSTOP' } });
    expect(gateway.behind.asked.map(({ input }) => input)).toEqual([
      { pid: 1234, signal: 'SIGTERM' },
      { pid: 1234, signal: 'SIGKILL' },
      { pid: 1234, signal: 'SIGSTOP' },
    ]);
  });

  it('supascale-resources-history: steps by the hours, a duration, or minutes', async () => {
    gateway.behind.history = {
      times: [now - 60_000, now],
      columns: {
        cpu: { avg: [1.5, null], min: [1, null], max: [2, null] },
        memory: { avg: [50, 51], min: [50, 51], max: [50, 51] },
      },
    };
    const { body } = await gateway.get('/api/v1/system/resources/history?hours=1');
    expect(body).toEqual({
      history: [
        { timestamp: expect.stringMatching(UTC) as string, cpu: 1.5, memory: 50, disk: null },
        { timestamp: expect.stringMatching(UTC) as string, cpu: null, memory: 51, disk: null },
      ],
    });
    for (const query of ['', '?hours=168', '?hours=8760', '?interval=30s', '?interval=15', '?interval=1d'])
      await gateway.get(`/api/v1/system/resources/history${query}`);
    const inputs = gateway.behind.asked.map(({ input }) => input as { from: number; to: number; step: number });
    expect(inputs.map(({ step }) => step)).toEqual([60, 300, 3600, 21_600, 30, 900, 86_400]);
    expect(inputs.map(({ from, to }) => (to - from) / 3_600_000)).toEqual([1, 24, 168, 8760, 24, 24, 24]);
  });

  it('tyto-history: the range and the resolution are told back', async () => {
    gateway.behind.history = {
      times: [now],
      columns: { cpu: { avg: [5], min: [1], max: [9] }, temperature: { avg: [null], min: [null], max: [null] } },
    };
    const answer = await gateway.get(
      '/api/v1/history?from=2026-01-15T09:00:00Z&to=2026-01-15T12:00:00%2B02:00&resolution=5m&agent_id=web-1',
    );
    expect(answer.body).toEqual({
      from: '2026-01-15T09:00:00Z',
      to: '2026-01-15T10:00:00Z',
      resolution: '5m',
      data: [{ timestamp: expect.stringMatching(UTC) as string, cpu: { avg: 5, min: 1, max: 9 } }],
    });
    expect(gateway.behind.asked[0]?.input).toMatchObject({ agentIds: ['web-1'], step: 300 });
    await gateway.get('/api/v1/history');
    expect(gateway.behind.asked[1]?.input).toMatchObject({ agentIds: null, step: 60 });
  });

  it('tyto-export-metrics: JSON and CSV, harmless to a spreadsheet', async () => {
    const json = await gateway.get('/api/v1/export/metrics');
    expect(json.headers.get('content-disposition')).toBe('attachment; filename="lapwing-metrics.json"');
    expect(json.body).toMatchObject({ metrics: [{ agent_id: 'web-1', cpu: { totalUsage: 16 } }] });
    const csv = await gateway.raw('/api/v1/export/metrics?format=csv');
    const lines = csv.body.split('\r\n');
    expect(lines[0]).toBe('agent_id,timestamp,metric,value');
    expect(lines).toContainEqual(expect.stringMatching(/^web-1,\S+,memory\.total,17179869184$/));
  });

  it('tyto-process-get and tyto-process-signal', async () => {
    expect((await gateway.get('/api/v1/processes/77')).body).toEqual({
      pid: 77,
      name: 'worker-1001',
      cmdline: 'worker --fast',
      user: 'www-data',
      state: 'S',
      cpu: 1.5,
      memory: 50_000_000,
      threads: 4,
      startTime: '2026-01-15T10:00:00Z',
    });
    expect(await gateway.post('/api/v1/processes/77/signal', { signal: 15 })).toMatchObject({
      status: 200,
      body: { success: true, message: 'SIGTERM sent to process 77' },
    });
  });

  it('tyto-settings-refresh', async () => {
    expect(await gateway.post('/api/v1/settings/refresh', { interval: 10 })).toEqual({
      status: 200,
      body: { interval: 10 },
    });
  });

  it('hsi-gpu and hsi-gpu-history: the first card, in MiB', async () => {
    expect((await gateway.get('/api/system/gpu')).body).toEqual({
      gpu_name: 'A5500',
      utilization: 75.5,
      memory_used: 12_288,
      memory_total: 24_576,
      temperature: 65,
      power_usage: null,
      inference_fps: null,
    });
    gateway.behind.gpu = {
      samples: [
        {
          time: now,
          name: 'A5500',
          utilization: 5,
          memoryUsed: GIB,
          memoryTotal: null,
          temperature: 50,
          powerWatts: 20,
        },
      ],
    };
    expect((await gateway.get('/api/system/gpu/history?limit=5')).body).toMatchObject({
      samples: [
        { recorded_at: expect.stringMatching(UTC) as string, memory_used: 1024, memory_total: null, power_usage: 20 },
      ],
      count: 1,
      limit: 5,
    });
  });

  it('the ledger', async () => {
    const hour = { hour: now, taken: 5, stored: 4, backfilled: 1, quarantined: 0, lost: 1, pending: 0 };
    gateway.behind.ledger = {
      hours: [hour],
      gaps: [{ from: now, to: now + 5000, cause: 'outbox_full', lost: [3, 7] }],
    };
    expect((await gateway.get('/api/v1/ledger')).body).toMatchObject({
      agent_id: 'web-1',
      hours: [{ taken: 5, lost: 1 }],
      gaps: [{ cause: 'outbox_full', lost: 5 }],
    });
  });

  it('/metrics for Prometheus', async () => {
    await gateway.get('/health');
    const { body } = await gateway.raw('/metrics');
    expect(body).toContain('lapwing_process_cpu_user_seconds_total');
    expect(body).toMatch(/lapwing_http_request_seconds_count\{method="GET",route="\/health",status="200"\}/);
  });

  it('OpenAPI: every route, with what it answers', async () => {
    const { paths } = (await gateway.get('/api/openapi.json')).body as {
      paths: Record<string, Record<string, { summary?: string; responses: Record<string, { content?: object }> }>>;
    };
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    expect(operations).toHaveLength(routesOf(controllers).length - 1);
    for (const operation of operations) {
      expect(operation.summary).toBeTruthy();
      const good = Object.keys(operation.responses).filter((status) => /^(101|[23])/.test(status));
      expect(good.length).toBeGreaterThan(0);
    }
    expect((await gateway.raw('/api/docs')).body).toContain('swagger-ui');
  });

  it('answers both slash forms', async () => {
    for (const path of ['/health/', '/api/v1/system/resources/', '/api/system/health/ready/'])
      expect((await gateway.get(path)).status).toBe(200);
    expect((await gateway.post('/api/v1/settings/refresh/', { interval: 5 })).status).toBe(200);
  });

  it('keeps the id of a request, or makes one', async () => {
    expect((await gateway.get('/health', { 'x-request-id': 'abc-1' })).headers.get('x-request-id')).toBe('abc-1');
    const odd = (await gateway.get('/health', { 'x-request-id': 'a b<script>' })).headers.get('x-request-id');
    expect(odd).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['/api/v1/system/resources?sortBy=name', 'sortBy'],
    ['/api/v1/system/resources?limit=0', 'limit'],
    ['/api/v1/system/resources?limit=1e3', 'limit'],
    ['/api/v1/system/resources?processes=maybe', 'processes'],
    ['/api/v1/system/resources?limit=5&limit=6', 'limit'],
    ['/api/v1/system/resources?agent_id=../x', 'agent_id'],
    ['/api/v1/system/resources/history?hours=0', 'hours'],
    ['/api/v1/system/resources/history?hours=9000', 'hours'],
    ['/api/v1/system/resources/history?interval=5w', 'interval'],
    ['/api/v1/history?from=yesterday', 'from'],
    ['/api/v1/history?resolution=2m', 'resolution'],
    ['/api/v1/export/metrics?format=xml', 'format'],
    ['/api/v1/ledger?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
    ['/api/v1/processes/abc', 'pid'],
    ['/api/v1/processes/0', 'pid'],
    ['/api/v1/processes/1.5', 'pid'],
  ])('GET %s: 400, which says what is wrong', async (path, field) => {
    expect(await gateway.get(path)).toMatchObject({
      status: 400,
      body: { success: false, code: 'INVALID_INPUT', error: expect.stringContaining(field) as string },
    });
  });

  it.each([
    '/api/system/gpu/history?limit=0',
    '/api/system/gpu/history?limit=5001',
    '/api/system/gpu/history?since=soon',
  ])('GET %s: 422 on the home-security routes', async (path) => {
    expect(await gateway.get(path)).toMatchObject({
      status: 422,
      body: { success: false, code: 'INVALID_INPUT', detail: expect.any(String) as string },
    });
  });

  it.each([
    ['/api/v1/system/resources', {}, 'action'],
    ['/api/v1/system/resources', { action: 'kill', pid: '12' }, 'pid'],
    ['/api/v1/system/resources', { action: 'kill', pid: 12, signal: 'SIGNONE' }, 'SIGTERM'],
    ['/api/v1/processes/12/signal', { signal: 99 }, 'SIGTERM'],
    ['/api/v1/processes/12/signal', {}, 'signal'],
    ['/api/v1/settings/refresh', { interval: 0 }, 'interval'],
    ['/api/v1/settings/refresh', { interval: 301 }, 'interval'],
    ['/api/v1/settings/refresh', { interval: 1.5 }, 'interval'],
    ['/api/v1/settings/refresh', 'no JSON', ''],
    ['/api/v1/settings/refresh', '[]', ''],
  ])('POST %s %j: 400, which says what is wrong', async (path, body, text) => {
    expect(await gateway.post(path, body)).toMatchObject({
      status: 400,
      body: { success: false, error: expect.stringContaining(text) as string },
    });
    expect(gateway.behind.asked).toEqual([]);
  });

  it('404 for what is not there, in the same form', async () => {
    for (const path of ['/nonsense', '/api/v1/nonsense', '/api/v1/system/resources?agent_id=nobody'])
      expect(await gateway.get(path)).toMatchObject({ status: 404, body: { success: false, code: 'NOT_FOUND' } });
  });

  it('413 for a body that is too large', async () => {
    expect(await gateway.post('/api/v1/settings/refresh', { interval: 5, more: 'x'.repeat(2 ** 21) })).toMatchObject({
      status: 413,
      body: { success: false },
    });
  });

  it.each([
    [new LapwingError('FORBIDDEN', 'not this one'), 403, 'not this one'],
    [new LapwingError('NOT_FOUND', 'no process 77'), 404, 'no process 77'],
    [new LapwingError('UNAVAILABLE', 'the database is away'), 503, 'the database is away'],
    [new Error('password=hunter2'), 500, 'internal error'],
  ])('passes on what a service says: %s', async (refusal, status, text) => {
    gateway.behind.refusal = refusal;
    const answer = await gateway.get('/api/v1/processes/77');
    expect(answer).toMatchObject({ status, body: { success: false, error: text } });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '5' : null);
  });

  it('503 with Retry-After when the host does not answer', async () => {
    await gateway.sample(hostSample(1, now), 'web-2');
    await eventually(async () =>
      expect((await gateway.get('/api/v1/system/resources?agent_id=web-2')).status).toBe(200),
    );
    const answer = await gateway.get('/api/v1/processes/77?agent_id=web-2');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  });
});
