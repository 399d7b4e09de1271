import { gpuHistoryGet, historyGet, type HostMetric } from '@lapwing/contracts';
import { databaseKinds, eventually, hostFigures, hostSample } from '@lapwing/testing';
import { Harness } from './harness';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const withCpu = (seq: number, time: number, totalUsage: number) =>
  hostSample(seq, time, { cpu: { ...hostFigures().cpu, totalUsage } });

describe.each(databaseKinds())('history on %s', (kind) => {
  let store: Harness;
  /** A whole hour, long enough ago that everything around it has settled. */
  let base: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    base = Math.floor(Date.now() / HOUR) * HOUR - 5 * HOUR;
  });
  afterEach(() => store.stop());

  const read = (
    from: number,
    to: number,
    step: number,
    more: { agentIds?: string[] | null; metrics?: HostMetric[] } = {},
  ) => store.bus.request(historyGet, { agentIds: ['web-1'], metrics: ['cpu'], from, to, step, ...more });

  it.each([60, 300, 3600, 90])('has mean, least and greatest in steps of %d s', async (step) => {
    const samples = Array.from({ length: 720 }, (_, index) => withCpu(index + 1, base + index * 10_000, index % 100));
    for (let at = 0; at < samples.length; at += 240) await store.send(samples.slice(at, at + 240));
    await store.until('metrics.host_sample', 720);
    const expected = new Map<number, number[]>();
    for (const { time, cpu } of samples) {
      const bucket = Math.floor(time / (step * 1000)) * step * 1000;
      expected.set(bucket, [...(expected.get(bucket) ?? []), cpu.totalUsage]);
    }
    await store.rollUp();
    const { times, columns } = await read(base, base + 2 * HOUR, step);
    const buckets = [...expected.values()];
    expect(times).toEqual([...expected.keys()]);
    expect(columns.cpu?.min).toEqual(buckets.map((values) => Math.min(...values)));
    expect(columns.cpu?.max).toEqual(buckets.map((values) => Math.max(...values)));
    buckets.forEach((values, index) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(columns.cpu?.avg[index]).toBeCloseTo(mean, 1);
    });
  });

  it('takes the newest part from the samples themselves', async () => {
    const now = Date.now();
    await store.send([withCpu(1, now - 1000, 40), withCpu(2, now, 60)]);
    await store.until('metrics.host_sample', 2);
    for (const step of [60, 300, 3600]) {
      const { columns } = await read(now - 2 * HOUR, now + MINUTE, step);
      expect([columns.cpu?.min.at(0), columns.cpu?.max.at(-1)]).toEqual([40, 60]);
    }
  });

  it('takes in what came late, after its time had been rolled up', async () => {
    await store.send([withCpu(1, base, 10)]);
    await store.until('metrics.host_sample', 1);
    await store.rollUp();
    await store.send([withCpu(2, base + 1000, 90)]);
    await store.until('metrics.host_sample', 2);
    await store.rollUp();
    for (const step of [60, 300, 3600])
      expect((await read(base, base + HOUR, step)).columns.cpu).toEqual({ avg: [50], min: [10], max: [90] });
  });

  it('takes in what is being stored late at the very moment of a roll-up', async () => {
    await store.send([withCpu(1, base, 10)]);
    await store.until('metrics.host_sample', 1);
    let rolling: Promise<void> = Promise.resolve();
    await store.postgres.transaction('test', async (transaction) => {
      await transaction.query(
        `INSERT INTO metrics.host_sample (resource_id, time, seq, cpu) SELECT id, $1, 2, 9000 FROM metrics.resource WHERE kind = 'host'`,
        [new Date(base + 1000)],
      );
      await transaction.query(
        `SELECT lapwing.note_late('metrics.host_sample', array_agg(id), array_agg($1::timestamptz)) FROM metrics.resource WHERE kind = 'host'`,
        [new Date(base + 1000)],
      );
      let done = false;
      rolling = store.rollUp().finally(() => (done = true));
      await eventually(async () => {
        const { rows } = await store.postgres.query<{ n: number }>(
          'test',
          `SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        );
        return done || (rows[0]?.n ?? 0) > 0;
      });
    });
    await rolling;
    await store.rollUp();
    expect((await read(base, base + HOUR, 60)).columns.cpu).toEqual({ avg: [50], min: [10], max: [90] });
  });

  it('leaves gaps as gaps', async () => {
    await store.send([withCpu(1, base, 10), withCpu(2, base + 10 * MINUTE, 20)]);
    await store.until('metrics.host_sample', 2);
    await store.rollUp();
    expect((await read(base, base + HOUR, 60)).times).toEqual([base, base + 10 * MINUTE]);
  });

  it('gives the samples as they were taken at step 0', async () => {
    await store.send([withCpu(1, base + 1, 10), withCpu(2, base + 5001, 20)]);
    await store.until('metrics.host_sample', 2);
    const { times, columns } = await read(base, base + HOUR, 0);
    expect([times, columns.cpu?.avg]).toEqual([
      [base + 1, base + 5001],
      [10, 20],
    ]);
  });

  it('reads one host, several, or all', async () => {
    await store.send([withCpu(1, base, 10)]);
    await store.send([withCpu(1, base + 1000, 50)], { agentId: 'web-2' });
    await store.until('metrics.host_sample', 2);
    await store.rollUp();
    expect((await read(base, base + HOUR, 60, { agentIds: ['web-2'] })).columns.cpu?.avg).toEqual([50]);
    expect((await read(base, base + HOUR, 60, { agentIds: null })).columns.cpu).toEqual({
      avg: [30],
      min: [10],
      max: [50],
    });
    await expect(read(base, base + HOUR, 60, { agentIds: ['web-1', 'nobody'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('says null for what a host does not have', async () => {
    await store.send([hostSample(1, base, { temperature: { sensors: [] } })]);
    await store.until('metrics.host_sample', 1);
    await store.rollUp();
    const { columns } = await read(base, base + HOUR, 60, { metrics: ['temperature', 'memoryUsed'] });
    expect(columns).toEqual({
      temperature: { avg: [null], min: [null], max: [null] },
      memoryUsed: { avg: [2 ** 33], min: [2 ** 33], max: [2 ** 33] },
    });
  });

  it('refuses what is contradictory or too much', async () => {
    await expect(read(base, base, 60)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(read(base - 400 * 24 * HOUR, base, 60)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('10000 points') as string,
    });
  });

  it('has the history of the first card', async () => {
    const card = (index: number, utilization: number) => ({
      index,
      name: 'A5500',
      vendor: 'NVIDIA',
      utilization,
      memoryUsed: 2 ** 30,
      memoryTotal: 2 ** 34,
      temperature: 65.5,
      powerWatts: null,
    });
    const sample = (seq: number) =>
      hostSample(seq, base + seq * 1000, { gpu: { available: true, gpus: [card(10, 1), card(2, seq)] } });
    await store.send([1, 2, 3].map(sample));
    await store.until('metrics.gpu_sample', 6);
    const { samples } = await store.bus.request(gpuHistoryGet, { agentId: 'web-1', since: null, limit: 2 });
    expect(samples.map((reading) => [reading.time, reading.utilization])).toEqual([
      [base + 2000, 2],
      [base + 3000, 3],
    ]);
    expect(samples[0]).toMatchObject({ name: 'A5500', memoryUsed: 2 ** 30, temperature: 65.5, powerWatts: null });
  });

  it('forgets what is past its retention, and keeps the roll-up', async () => {
    const old = Date.now() - 5 * 24 * HOUR;
    await store.send([withCpu(1, old, 10), withCpu(2, Date.now(), 20)]);
    await store.until('metrics.host_sample', 2);
    await store.rollUp();
    // the service's own first round may still come between, and sets what its configuration says
    await eventually(async () => {
      await store.maintenance.setRetention({ raw: 2, '1m': 30, '5m': 90, '1h': 400 });
      if (kind === 'timescale') {
        const jobs = await store.rows<{ id: number }>(
          `SELECT job_id AS id FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'`,
        );
        for (const { id } of jobs) await store.rows(`CALL run_job(${id})`);
      } else await store.maintenance.tidy();
      expect(await store.count('metrics.host_sample')).toBe(1);
    });
    expect((await read(old - HOUR, old + HOUR, 60)).columns.cpu?.avg).toEqual([10]);
  });
});
