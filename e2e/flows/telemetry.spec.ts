import { WebhookReceiver, eventually, freePort } from '@lapwing/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Lapwing } from '../src/lapwing';

interface Latency {
  avg_ms: number;
  min_ms: number;
  max_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  sample_count: number;
}
interface Telemetry {
  queues: { detection_queue: number; analysis_queue: number };
  latencies: Record<'watch' | 'detect' | 'batch' | 'analyze', Latency | null>;
}

/** One more gateway on the servers of a Lapwing: as its own, on another port. */
async function anotherGateway(lapwing: Lapwing): Promise<{ url: string; stop: () => Promise<void> }> {
  const { pid, args } = await lapwing.find('gateway');
  const text = await readFile(`/proc/${pid}/environ`, 'utf8');
  const environment = text
    .split('\0')
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  const port = await freePort();
  const [program = process.execPath, ...rest] = args.filter(Boolean);
  const env = { ...(Object.fromEntries(environment) as Record<string, string>), PORT: String(port) };
  const child: ChildProcess = spawn(program, rest, { env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => expect((await fetch(`${url}/api/system/health/ready`)).status).toBe(200), 60_000);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  };
  return { url, stop };
}

describe('the pipeline, as it measures itself', () => {
  let lapwing: Lapwing;
  let receiver: WebhookReceiver;
  let other: { url: string; stop: () => Promise<void> } | undefined;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    receiver = await WebhookReceiver.start();
    await lapwing.start(['--services'], { ALERTING_PRIVATE_NETWORKS: '127.0.0.1/32' });
    other = await anotherGateway(lapwing);
  }, 240_000);
  afterAll(async () => {
    await other?.stop();
    receiver.stop();
    await lapwing.remove();
  });

  const ask = async <T>(url: string, route: string): Promise<T> => {
    const answer = await fetch(url + route, { signal: AbortSignal.timeout(10_000) });
    expect(answer.status).toBe(200);
    return (await answer.json()) as T;
  };
  /** What both gateways say when nothing came between the two questions. */
  const same = <T extends object>(route: string, about: (answer: T) => unknown): Promise<T> =>
    eventually(async () => {
      const one = await ask<T>(lapwing.url, route);
      expect(about(await ask<T>(other?.url ?? '', route))).toEqual(about(one));
      return one;
    }, 30_000);

  it('shows collecting and judging of the samples of this host, the same through every gateway', async () => {
    await eventually(async () => {
      const { latencies } = await ask<Telemetry>(lapwing.url, '/api/system/telemetry');
      expect(latencies.watch?.sample_count).toBeGreaterThan(0);
      expect(latencies.detect?.sample_count).toBeGreaterThan(0);
    }, 60_000);
    const { queues, latencies } = await same<Telemetry>('/api/system/telemetry', (answer) => answer.latencies);
    expect(queues.analysis_queue).toBe(0);
    for (const stage of [latencies.watch, latencies.detect]) {
      const { avg_ms, min_ms, max_ms, p50_ms, p95_ms, p99_ms } = stage as Latency;
      const ascending = [min_ms, p50_ms, p95_ms, p99_ms, max_ms];
      expect(ascending).toEqual(ascending.toSorted((one, another) => one - another));
      expect(avg_ms).toBeGreaterThanOrEqual(min_ms);
      expect(avg_ms).toBeLessThanOrEqual(max_ms);
    }
    const latency = await same<Record<string, Latency | number | null>>(
      '/api/system/pipeline-latency?window_minutes=1440',
      (answer) => ({ ...answer, timestamp: null }),
    );
    expect(latency).toMatchObject({
      window_minutes: 1440,
      watch_to_detect: { sample_count: expect.any(Number) as number },
    });
  }, 120_000);

  it('shows grouping and analysis of what fires, up to the hand-over', async () => {
    const put = (method: 'POST' | 'PUT', route: string, body: unknown) =>
      lapwing.ask(method, route, lapwing.credentials, body);
    const hook = { name: 'Hook', url: `${receiver.url}/x`, service: 'generic' };
    expect((await put('POST', '/api/notifications/webhooks', hook)).status).toBe(200);
    const rules = {
      aggregation: { windowSeconds: 0 },
      timeThresholds: { host: 0, node: 0, guest: 0, storage: 0, pbs: 0 },
      hostDefaults: { memory: { trigger: 0.01, clear: 0.001 } },
    };
    expect((await put('PUT', '/api/alerts/config', rules)).status).toBe(200);
    await eventually(() => expect(receiver.requests.length).toBeGreaterThan(0), 30_000);
    await eventually(async () => {
      const { latencies } = await ask<Telemetry>(lapwing.url, '/api/system/telemetry');
      expect(latencies.batch?.sample_count).toBeGreaterThan(0);
      expect(latencies.analyze?.sample_count).toBeGreaterThan(0);
    }, 30_000);
    const { total_pipeline: total, batch_to_analyze: rest } = await ask<Record<string, Latency | null>>(
      lapwing.url,
      '/api/system/pipeline-latency',
    );
    expect(total?.sample_count).toBeGreaterThan(0);
    expect(total?.max_ms).toBeGreaterThanOrEqual(rest?.max_ms ?? Number.NaN);
  }, 120_000);

  it('is 503 while nobody judges, and counts on when somebody does again', async () => {
    const before = await ask<Telemetry>(lapwing.url, '/api/system/telemetry');
    const [alerting] = (await lapwing.processes()).filter(({ args }) =>
      args.some((arg) => arg.endsWith('apps/alerting/dist/main.js')),
    );
    process.kill(alerting?.pid ?? 0, 'SIGSTOP');
    try {
      await eventually(
        async () => expect((await fetch(`${lapwing.url}/api/system/telemetry`)).status).toBe(503),
        30_000,
      );
    } finally {
      process.kill(alerting?.pid ?? 0, 'SIGCONT');
    }
    await eventually(async () => {
      const { latencies } = await ask<Telemetry>(lapwing.url, '/api/system/telemetry');
      expect(latencies.detect?.sample_count).toBeGreaterThan(before.latencies.detect?.sample_count ?? 0);
    }, 60_000);
  }, 120_000);
});
