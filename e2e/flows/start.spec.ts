import { eventually } from '@lapwing/testing';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { Lapwing } from '../src/lapwing';

interface Resources {
  cpu: { cores: number };
  memory: { total: number; used: number };
  disk: { total: number; used: number };
}
interface Ledger {
  hours: { taken: number; stored: number; lost: number; pending: number }[];
  gaps: { from: string; to: string; cause: string }[];
}
interface History {
  data: { timestamp: string }[];
}

/** The first events of a stream. */
async function events(url: string, count: number, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(20_000) });
  const found: { id: string; event: string; data: { seq: number } }[] = [];
  let rest = '';
  for await (const chunk of answer.body ?? []) {
    rest += Buffer.from(chunk as Uint8Array).toString();
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, id, event, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (id && event && data) found.push({ id, event, data: JSON.parse(data) as { seq: number } });
    }
    if (found.length >= count) break;
  }
  return found;
}

describe('npm start', () => {
  let lapwing: Lapwing;
  const recent = async (): Promise<string[]> =>
    (await lapwing.get<History>('/api/v1/history?resolution=raw')).body.data.map((point) => point.timestamp);
  /** What is told once a sample was taken after a time: in whole seconds, so one of the same second can be from before. */
  const recentAfter = (time: string): Promise<string[]> =>
    eventually(async () => {
      const points = await recent();
      expect(Date.parse(points.at(-1) ?? '')).toBeGreaterThan(Date.parse(time));
      return points;
    });

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start([], { COLLECTOR_INTERVAL: '1' });
  }, 180_000);
  afterAll(() => lapwing.remove(), 60_000);

  it('shows the true figures of this host', async () => {
    const { body } = await eventually(async () => {
      const answer = await lapwing.get<Resources>('/api/v1/system/resources');
      expect(answer.status).toBe(200);
      return answer;
    });
    const total = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    expect(body.memory.total).toBe(total);
    expect(body.cpu.cores).toBe(readFileSync('/proc/stat', 'utf8').match(/^cpu\d+/gm)?.length);
    const [, size = 0, used = 0] = (
      execFileSync('df', ['-B1', '--output=target,size,used', '/'], { encoding: 'utf8' }).split('\n')[1] ?? ''
    )
      .split(/\s+/)
      .map(Number);
    expect(body.disk.total).toBe(size);
    expect(Math.abs(body.disk.used - used)).toBeLessThan(0.02 * size);
  });

  it('sends metrics live, and resumes', async () => {
    const url = `${lapwing.url}/api/v1/stream`;
    const first = await events(url, 3, lapwing.credentials);
    expect(first.map(({ event }) => event)).toEqual(['metrics', 'metrics', 'metrics']);
    const seqs = first.map(({ data }) => data.seq);
    expect(seqs).toEqual([0, 1, 2].map((offset) => (seqs[0] ?? 0) + offset));
    const resumed = await events(url, 3, { ...lapwing.credentials, 'last-event-id': first[0]?.id ?? '' });
    expect(resumed.map(({ data }) => data.seq)).toEqual([1, 2, 3].map((offset) => (seqs[0] ?? 0) + offset));
  });

  it('signals processes of others, and none of its own', async () => {
    const post = (path: string, body: object) =>
      fetch(lapwing.url + path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...lapwing.credentials },
      });
    const child = spawn('sleep', ['60']);
    const ended = once(child, 'exit');
    expect((await lapwing.get(`/api/v1/processes/${child.pid}`)).status).toBe(200);
    expect((await post('/api/v1/system/resources', { action: 'kill', pid: child.pid })).status).toBe(200);
    expect((await ended)[1]).toBe('SIGTERM');
    expect((await post('/api/v1/system/resources', { action: 'kill', pid: child.pid })).status).toBe(404);
    const { pid } = await lapwing.find('postgres');
    for (const own of [0, 1, -1, pid, lapwing.pid]) {
      expect((await post('/api/v1/system/resources', { action: 'kill', pid: own })).status).toBe(403);
      expect((await post(`/api/v1/processes/${own}/signal`, { signal: 9 })).status).toBe(403);
    }
    expect((await post('/api/v1/processes/4000000/signal', { signal: 15 })).status).toBe(404);
  });

  it('refuses to start twice on the same data, and on a port that is taken', async () => {
    const second = await Lapwing.create();
    await expect(second.start([`--data-dir=${lapwing.folder}`])).rejects.toThrow('Lapwing runs already');
    const squatter = createServer().listen(second.port, '127.0.0.1');
    await once(squatter, 'listening');
    await expect(second.start()).rejects.toThrow(`port ${second.port} of 127.0.0.1 is in use`);
    squatter.close();
    await expect(second.start(['--nonsense'])).rejects.toThrow('--nonsense');
    await second.remove();
    expect(await second.processes()).toEqual([]);
  }, 60_000);

  it('has its history again after a stop and a start; the outage is a gap, and the ledger says why', async () => {
    const before = await eventually(async () => {
      const points = await recent();
      expect(points.length).toBeGreaterThan(3);
      return points;
    });
    expect(await lapwing.stop()).toBe(0);
    expect(await lapwing.processes()).toEqual([]);
    const startedAt = new Date().toISOString();
    await lapwing.start([], { COLLECTOR_INTERVAL: '1' });
    const after = await recentAfter(startedAt);
    expect(after.slice(0, before.length)).toEqual(before);
    const ledger = await eventually(async () => {
      const { body } = await lapwing.get<Ledger>('/api/v1/ledger');
      expect(body.gaps).toHaveLength(1);
      expect(body.hours.reduce((sum, hour) => sum + hour.pending, 0)).toBe(0);
      return body;
    });
    expect(ledger.gaps[0]).toMatchObject({ cause: 'collector_stopped' });
    expect(ledger.hours.reduce((sum, hour) => sum + hour.lost, 0)).toBe(0);
    const [gap] = ledger.gaps;
    expect(after.filter((time) => gap && time > gap.from && time < gap.to)).toEqual([]);
  }, 120_000);

  it('leaves nothing behind when the launcher is killed; the outage is a gap of its own', async () => {
    const gaps = async () => (await lapwing.get<Ledger>('/api/v1/ledger')).body.gaps;
    const before = await gaps();
    // A collector that ends again before it took a sample knows of one gap, which has grown.
    const last = (await recentAfter(before.at(-1)?.to ?? '1970-01-01')).at(-1) ?? '';
    await lapwing.kill();
    await eventually(async () => expect(await lapwing.processes()).toEqual([]), 30_000);
    await lapwing.start();
    // NATS may have lost what it had not written yet, and the collector asks after 15 s what became of that.
    const told = await eventually(async () => {
      const now = await gaps();
      expect(now).toHaveLength(before.length + 1);
      return now;
    }, 60_000);
    expect(told.slice(0, -1)).toEqual(before);
    // The kernel asks the collector to end when the launcher is gone, and it has 10 s to do so in order.
    expect(told.at(-1)?.cause).toMatch(/^collector_(stopped|killed)$/);
    expect(Date.parse(told.at(-1)?.from ?? '')).toBeGreaterThanOrEqual(Date.parse(last));
  }, 120_000);
});

describe('npm run start:services', () => {
  let lapwing: Lapwing;

  beforeAll(async () => {
    lapwing = await Lapwing.create();
    await lapwing.start(['--services']);
  }, 180_000);
  afterAll(() => lapwing.remove(), 60_000);

  it.each(['settings', 'auth', 'metrics-store', 'fleet', 'collector', 'gateway'] as const)(
    'starts %s again when it dies',
    async (service) => {
      const { pid } = await lapwing.find(service);
      process.kill(pid, 'SIGKILL');
      await eventually(async () => expect((await lapwing.find(service)).pid).not.toBe(pid));
      await eventually(async () => expect((await lapwing.get('/api/system/health/ready')).status).toBe(200), 30_000);
    },
    60_000,
  );

  it('is not ready while the database is away, says so, and comes back by itself', async () => {
    const postgres = (await lapwing.processes()).filter(({ args }) => /(^postgres:|\/postgres$)/.test(args[0] ?? ''));
    const signal = (name: NodeJS.Signals): void => {
      for (const { pid } of postgres) process.kill(pid, name);
    };
    signal('SIGSTOP');
    try {
      await eventually(async () => {
        const { status, body } = await lapwing.get<{ services: { database: { status: string } } }>(
          '/api/system/health/ready',
        );
        expect([status, body.services.database.status]).toEqual([503, 'unhealthy']);
      });
      expect((await lapwing.get('/health')).status).toBe(200);
    } finally {
      signal('SIGCONT');
    }
    await eventually(async () => expect((await lapwing.get('/api/system/health/ready')).status).toBe(200), 40_000);
  }, 90_000);
});
