import { WebhookReceiver, eventually } from '@lapwing/testing';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Lapwing } from '../src/lapwing';
import { PrometheusServer, askedOfPrometheus, type Asked } from '../src/prometheus';
import { SpanReceiver, attributeOf } from '../src/span-receiver';

/** What is empty while all is well. */
const MAY_BE_EMPTY = /panel "(Alerts about Lapwing itself|Faults by contract)"|rules\/lapwing\.yml, Lapwing/;
const CLEANUP = '/api/system/cleanup';

describe('what can be seen of Lapwing', () => {
  let lapwing: Lapwing;
  let receiver: SpanReceiver;
  let hook: WebhookReceiver;
  let prometheus: PrometheusServer;
  let asked: Asked[];
  let going: NodeJS.Timeout | undefined;

  beforeAll(async () => {
    asked = askedOfPrometheus();
    receiver = await SpanReceiver.start();
    hook = await WebhookReceiver.start();
    lapwing = await Lapwing.create();
    await lapwing.start(['--services'], {
      ...receiver.environment,
      LAPWING_OPS_PORTS: 'auto',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=spec',
      ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32',
    });
    const ports = JSON.parse(await readFile(path.join(lapwing.folder, 'ops-ports.json'), 'utf8')) as Record<
      string,
      number
    >;
    prometheus = await PrometheusServer.start(ports);
    await makeLoad();
    // Rates want requests between two looks, and not before the first alone.
    going = setInterval(() => void goOn().catch(() => {}), 500);
  }, 240_000);
  afterAll(async () => {
    clearInterval(going);
    await prometheus?.stop();
    await lapwing?.remove();
    hook?.stop();
    receiver?.stop();
  }, 60_000);

  /** Requests good and bad, a message to a receiver, and everything that comes by itself. */
  async function makeLoad(): Promise<void> {
    const ask = (method: string, route: string, body?: unknown) =>
      lapwing.ask(method, route, lapwing.credentials, body);
    const channel = { name: 'Hook', url: `${hook.url}/x`, service: 'generic' };
    expect((await ask('POST', '/api/notifications/webhooks', channel)).status).toBe(200);
    const rules = {
      aggregation: { windowSeconds: 0 },
      timeThresholds: { host: 0 },
      hostDefaults: { memory: { trigger: 0.01, clear: 0.001 } },
    };
    expect((await ask('PUT', '/api/alerts/config', rules)).status).toBe(200);
    await eventually(() => expect(hook.requests.length).toBeGreaterThan(0), 60_000);
    for (const route of ['/api/v1/history', '/api/state', '/api/v1/ledger', '/api/v1/logs', '/api/alerts/active'])
      await ask('GET', route);
    expect((await ask('GET', '/api/v1/history?resolution=none')).status).toBe(400);
    expect((await ask('POST', '/api/alerts/no-such/acknowledge')).status).toBe(404);
    expect((await lapwing.ask('GET', '/api/v1/history')).status).toBe(401);
  }

  async function goOn(): Promise<void> {
    await lapwing.get('/api/v1/history');
    await lapwing.ask('GET', '/api/v1/history?resolution=none', lapwing.credentials);
    await lapwing.ask('GET', '/api/v1/history');
  }

  const series = async (metric: string) => prometheus.query(`count({__name__="${metric}"})`);

  /** The log lines of all services. */
  async function logLines(): Promise<string[]> {
    const folder = path.join(lapwing.folder, 'logs');
    const files = (await readdir(folder)).filter((name) => name.endsWith('-out.log'));
    const texts = await Promise.all(files.map((name) => readFile(path.join(folder, name), 'utf8')));
    return texts.flatMap((text) => text.split('\n'));
  }

  it('Prometheus reaches every service, and each tells its version', async () => {
    const wanted = 'alerting auth collector fleet gateway log-store metrics-store poller settings updates'.split(' ');
    await eventually(async () => {
      const targets = await prometheus.targets();
      expect(targets.filter(({ health }) => health !== 'up')).toEqual([]);
      expect(targets.map(({ job }) => job).toSorted()).toEqual(wanted);
      // By this the rules know them.
      expect(await prometheus.query('up{part_of="lapwing"} == 1')).toHaveLength(wanted.length);
      const builds = await prometheus.query('lapwing_build_info');
      expect(builds.map(({ metric }) => metric['service']).toSorted()).toEqual(wanted);
    }, 60_000);
  }, 90_000);

  it('has a series for every metric that dashboards and rules name', async () => {
    const metrics = [...new Set(asked.flatMap((one) => one.metrics))];
    expect(metrics.length).toBeGreaterThan(40);
    await eventually(async () => {
      const missing = [];
      for (const metric of metrics) if ((await series(metric)).length === 0) missing.push(metric);
      expect(missing).toEqual([]);
    }, 90_000);
  }, 120_000);

  it('answers every question of the dashboards, and rules can be evaluated', async () => {
    await eventually(async () => {
      const empty = [];
      for (const { where, expr } of asked) {
        const found = await prometheus.query(expr);
        if (found.length === 0 && !MAY_BE_EMPTY.test(where)) empty.push(`${where}: ${expr}`);
      }
      expect(empty).toEqual([]);
      const rules = await prometheus.rules();
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
      expect(rules.length).toBe(asked.filter(({ where }) => where.includes('rules/lapwing.yml')).length);
    }, 90_000);
  }, 120_000);

  it('raises nothing about itself while all is well', async () => {
    expect(await prometheus.query('ALERTS{alertstate="firing", severity="critical"}')).toEqual([]);
  });

  it('leads from a figure to the trace that fell into it, over all services, and to its log lines', async () => {
    const begun = await lapwing.ask('POST', `${CLEANUP}?dry_run=true`, lapwing.credentials);
    expect(begun.status).toBeLessThan(300);
    const traceId = begun.headers.get('x-trace-id') ?? '';
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    await eventually(async () => {
      const found = await prometheus.exemplars(`lapwing_http_request_seconds_bucket{route="${CLEANUP}"}`);
      const ids = found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels['trace_id']));
      expect(ids).toContain(traceId);
    }, 60_000);
    await eventually(() => {
      const spans = receiver.of(traceId);
      const services = new Set(spans.map(({ resource }) => attributeOf(resource, 'service.name')));
      expect([...services]).toEqual(
        expect.arrayContaining(['lapwing-gateway', 'lapwing-settings', 'lapwing-metrics-store']),
      );
      const names = spans.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining([`POST ${CLEANUP}`, 'redis']));
      expect(names.some((name) => name.startsWith('sql '))).toBe(true);
      const root = spans.find(({ name }) => name === `POST ${CLEANUP}`);
      expect(attributeOf(root?.attributes ?? [], 'http.route')).toBe(CLEANUP);
      expect(attributeOf(root?.attributes ?? [], 'http.response.status_code')).toBe(String(begun.status));
      expect(attributeOf(root?.resource ?? [], 'deployment.environment.name')).toBe('spec');
      expect(attributeOf(root?.resource ?? [], 'service.version')).toMatch(/^\d/);
    }, 60_000);
    await eventually(async () => {
      const lines = (await logLines()).filter((line) => line.includes(traceId));
      expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain('a cleanup is over');
    }, 60_000);
  }, 120_000);

  it('keeps the trace when a body is read, and marks no answer that is none of a fault', async () => {
    await eventually(() => {
      const post = receiver.spans.find(({ name }) => name === 'POST /api/notifications/webhooks');
      const questions = receiver.of(post?.traceId ?? '').filter(({ name }) => name.startsWith('ask req.alerting.'));
      expect(questions.map(({ parentSpanId }) => parentSpanId)).toContain(post?.spanId);
      const refused = receiver.spans.find(
        ({ attributes }) => attributeOf(attributes, 'http.response.status_code') === '404',
      );
      expect(refused).toBeDefined();
      // There is no such alert: an answer like any other.
      expect(refused?.status?.code ?? 0).toBe(0);
    }, 60_000);
  }, 90_000);

  it('ends the span of a stream when it begins, and names receivers without their secrets', async () => {
    const { status } = await lapwing.ask('GET', '/api/v1/stream', lapwing.credentials);
    expect(status).toBe(200);
    await eventually(() => {
      const names = receiver.spans.map(({ name }) => name);
      expect(names).toContain('GET /api/v1/stream');
      const sent = receiver.spans.find(
        ({ name, attributes }) => name === 'POST' && attributeOf(attributes, 'server.port') === String(hook.port),
      );
      expect(attributeOf(sent?.attributes ?? [], 'http.response.status_code')).toBe('200');
      expect(JSON.stringify(sent)).not.toContain('/x"');
    }, 60_000);
  }, 90_000);
});
