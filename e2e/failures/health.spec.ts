import { eventually } from '@lapwing/testing';
import { Lapwing } from '../src/lapwing';

interface Report {
  status: string;
  ready?: boolean;
  services: Record<string, { status: string; message: string; details: Record<string, string> | null }>;
  workers?: { name: string; running: boolean; message: string | null }[];
}

const HEALTH = '/api/system/health';
const READY = '/api/system/health/ready';
const WELL = { health: [200, 'healthy'], ready: [200, 'ready', true] };
const LOST = { health: [503, 'unhealthy'], ready: [503, 'not_ready', false] };
/** Others see to it that what they need is there, and need a moment for it. */
const RECOVERY_MS = 60_000;

describe('health and readiness', () => {
  let lapwing: Lapwing;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start(['--services']);
    await says(WELL);
  }, 180_000);
  afterAll(() => lapwing.remove(), 60_000);

  const ask = async (route: string) => lapwing.ask<Report>('GET', route);
  /** Waits until both say so; a moment later than it happens, because what was found is told for a second. */
  const says = (wanted: typeof WELL, withinMs = 15_000): Promise<{ health: Report; ready: Report }> =>
    eventually(async () => {
      const [health, ready] = [await ask(HEALTH), await ask(READY)];
      const said = {
        health: [health.status, health.body.status],
        ready: [ready.status, ready.body.status, ready.body.ready],
      };
      if (JSON.stringify(said) !== JSON.stringify(wanted)) throw new Error(JSON.stringify([said, ready.body]));
      return { health: health.body, ready: ready.body };
    }, withinMs);

  /** The processes of a server or a service, and of what it has started itself. */
  async function pidsOf(what: 'redis' | 'postgres' | 'nats' | 'alerting' | 'metrics-store'): Promise<number[]> {
    if (what !== 'postgres') return [(await lapwing.find(what)).pid];
    const isPostgres = ({ args }: { args: string[] }): boolean => args.some((arg) => /postgres(:|$)/.test(arg));
    return (await lapwing.processes()).filter(isPostgres).map(({ pid }) => pid);
  }

  /** Stops it where it is, so that its connections stay and nothing comes over them; whatever happens, it goes on afterwards. */
  async function stopped(what: Parameters<typeof pidsOf>[0], look: () => Promise<void>): Promise<void> {
    const pids = await pidsOf(what);
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      await look();
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
    await says(WELL, RECOVERY_MS);
  }

  /** Whatever is away, the process answers, and nobody hears where anything is. */
  async function staysAlive(...reports: Report[]): Promise<void> {
    expect((await ask('/health')).body).toMatchObject({ status: 'alive' });
    expect((await ask('/api/health')).body).toMatchObject({ status: 'healthy' });
    expect(JSON.stringify(reports)).not.toMatch(/127\.0\.0\.1|localhost|:\/\/|:\d{4,5}\b/);
    for (const { workers } of reports)
      if (workers)
        expect(workers.map(({ name }) => name).slice(0, 4)).toEqual([
          'gpu_monitor',
          'cleanup_service',
          'detection_worker',
          'analysis_worker',
        ]);
  }

  it(
    'tell that Redis does not answer, and that it does again',
    () =>
      stopped('redis', async () => {
        const { health, ready } = await says(LOST);
        expect(health.services).toMatchObject({ redis: { status: 'unhealthy' }, database: { status: 'healthy' } });
        await staysAlive(health, ready);
      }),
    120_000,
  );

  it(
    'tell that PostgreSQL does not answer, and that it does again',
    () =>
      stopped('postgres', async () => {
        const { health, ready } = await says(LOST);
        expect(health.services).toMatchObject({
          database: { status: 'unhealthy', message: 'Database does not answer' },
          redis: { status: 'healthy' },
          nats: { status: 'healthy' },
        });
        await staysAlive(health, ready);
      }),
    120_000,
  );

  it(
    'tell that NATS does not answer, and that it does again',
    () =>
      stopped('nats', async () => {
        const { health, ready } = await says(LOST);
        expect(health.services).toMatchObject({ nats: { status: 'unhealthy' }, redis: { status: 'healthy' } });
        await staysAlive(health, ready);
      }),
    120_000,
  );

  it(
    'tell that a worker of the pipeline stands still: not ready, although the servers are there',
    () =>
      stopped('alerting', async () => {
        const { health, ready } = await says({ health: [503, 'degraded'], ready: [503, 'not_ready', false] });
        expect(health.services).toMatchObject({
          database: { status: 'healthy' },
          redis: { status: 'healthy' },
          nats: { status: 'healthy' },
          ai: { status: 'unhealthy' },
          alerting: { status: 'unhealthy', message: 'alerting does not answer' },
        });
        const running = Object.fromEntries((ready.workers ?? []).map((worker) => [worker.name, worker.running]));
        expect(running).toMatchObject({ gpu_monitor: true, detection_worker: false, analysis_worker: false });
        await staysAlive(health, ready);
      }),
    120_000,
  );

  it(
    'tell that something stands still that others can do without for a while: degraded, and ready',
    () =>
      stopped('metrics-store', async () => {
        const { health, ready } = await says({ health: [503, 'degraded'], ready: [200, 'degraded', true] });
        expect(health.services).toMatchObject({ 'metrics-store': { status: 'unhealthy' } });
        expect(ready.workers).toContainEqual({
          name: 'rollups',
          running: false,
          message: 'metrics-store does not answer',
        });
        await staysAlive(health, ready);
      }),
    120_000,
  );
});
