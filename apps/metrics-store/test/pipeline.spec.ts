import {
  pipelineGet,
  pipelineMeasures,
  pipelineSampled,
  type Distribution,
  type PayloadOf,
  type PipelineMeasure,
} from '@lapwing/contracts';
import { databaseKinds, eventually, seeded } from '@lapwing/testing';
import { Harness } from './harness';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const [ONE, OTHER] = ['00000000000a', '00000000000b'] as const;

type Measures = PayloadOf<typeof pipelineSampled>['measures'];

function distribution(list: readonly number[]): Distribution {
  const counts = new Map<number, number>();
  for (const value of list) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].toSorted(([one], [other]) => one - other);
  return {
    values: sorted.map(([value]) => value),
    counts: sorted.map(([, count]) => count),
    sum: list.reduce((sum, value) => sum + value, 0),
    min: Math.min(...list),
    max: Math.max(...list),
  };
}

/** The rule as it is written down, over a list of single values. */
function reference(list: readonly number[]) {
  const sorted = list.toSorted((one, other) => one - other);
  const at = (p: number): number | undefined =>
    sorted[Math.min(Math.trunc((sorted.length * p) / 100), sorted.length - 1)];
  return { min: sorted[0], max: sorted.at(-1), p50: at(50), p95: at(95), p99: at(99), count: sorted.length };
}

describe.each(databaseKinds())('what is measured of the pipeline, on %s', (kind) => {
  let store: Harness;
  let thisMinute: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    thisMinute = Math.floor(Date.now() / MINUTE) * MINUTE;
  });
  afterEach(() => store.stop());

  const report = (process: string, minutesAgo: number, measures: Measures) =>
    store.bus.publish(pipelineSampled, process, { process, minute: thisMinute - minutesAgo * MINUTE, measures });
  const watch = (process: string, minutesAgo: number, list: readonly number[]) =>
    report(process, minutesAgo, { watch: distribution(list) });
  const get = async (windowMinutes = 60) => (await store.bus.request(pipelineGet, { windowMinutes })).measures;
  /** Waits until so many values of collecting are there. */
  const until = (count: number, windowMinutes = 60) =>
    eventually(async () => expect((await get(windowMinutes)).watch?.count ?? 0).toBe(count));
  const nothing = Object.fromEntries(pipelineMeasures.map((measure) => [measure, null]));

  it('is null before anything was measured, and of what was not', async () => {
    expect(await get()).toEqual(nothing);
    await watch(ONE, 0, [1, 2, 3, 10]);
    await until(4);
    expect(await get()).toEqual({
      ...nothing,
      watch: { avg: 4, min: 1, max: 10, p50: 3, p95: 10, p99: 10, count: 4 },
    });
  });

  it('counts what several processes say together, and what is said again once', async () => {
    const first = { process: ONE, minute: thisMinute, measures: { watch: distribution([1, 2]) } };
    await store.bus.publish(pipelineSampled, ONE, first);
    await store.bus.publish(pipelineSampled, ONE, first);
    await watch(OTHER, 0, [4]);
    await until(3);
    // The same minute, further on; then what was said of it before comes late.
    await watch(ONE, 0, [1, 2, 3]);
    await until(4);
    await store.bus.publish(pipelineSampled, ONE, first);
    await watch(OTHER, 1, [5]);
    await until(5);
    expect((await get()).watch).toMatchObject({ min: 1, max: 5, avg: 3 });
    expect(await store.count('metrics.pipeline_sample')).toBe(3);
  });

  it('keeps what comes while it is away', async () => {
    await store.suspend();
    await watch(ONE, 2, [1, 2]);
    await watch(ONE, 2, [1, 2, 3]);
    await store.resume();
    await until(3);
    expect(await store.count('metrics.pipeline_sample')).toBe(1);
  });

  it('looks at so many minutes, and refuses a window that is none', async () => {
    await watch(ONE, 0, [1]);
    // One more than it may be now, should the minute end meanwhile.
    await watch(ONE, 13, [2, 2]);
    await watch(ONE, 600, [3, 3, 3]);
    await watch(ONE, 1500, [4, 4, 4, 4]);
    await until(6, 1440);
    expect((await get(5)).watch?.count).toBe(1);
    expect((await get(15)).watch?.count).toBe(3);
    for (const windowMinutes of [0, -1, 1441, 1.5])
      await expect(get(windowMinutes)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('refuses a wild clock', async () => {
    await watch(ONE, -60, [1]);
    await watch(ONE, 60 * 24 * 30, [1]);
    await watch(OTHER, 0, [1]);
    await until(1, 1440);
    expect(await store.count('metrics.pipeline_sample')).toBe(1);
  });

  it('gives what a naive reference gives, over random data, before and after hours are summed up', async () => {
    const all: Record<'watch' | 'detect' | 'total', number[]> = { watch: [], detect: [], total: [] };
    const random = seeded(20_261_128);
    const started = Math.floor(Date.now() / HOUR) * HOUR - 4 * HOUR;
    for (let minute = 0; minute < 180; minute += 1 + Math.floor(random() * 12))
      for (const process of [ONE, OTHER]) {
        const measures: Measures = {};
        for (const measure of Object.keys(all) as (keyof typeof all)[]) {
          if (random() < 0.2) continue;
          const size = 1 + Math.floor(random() * 40);
          const list = Array.from({ length: size }, () => Math.floor(10 ** (random() * 4)) / 10);
          all[measure].push(...list);
          measures[measure] = distribution(list);
        }
        await store.bus.publish(pipelineSampled, process, { process, minute: started + minute * MINUTE, measures });
      }
    const counts = async () => {
      const { watch: w, detect, total } = await get(1440);
      return [w?.count, detect?.count, total?.count];
    };
    await eventually(async () =>
      expect(await counts()).toEqual([all.watch.length, all.detect.length, all.total.length]),
    );
    const check = async (): Promise<void> => {
      const found = await get(1440);
      for (const measure of Object.keys(all) as (keyof typeof all)[]) {
        expect({ measure, ...found[measure] }).toMatchObject({ measure, ...reference(all[measure]) });
        const sum = all[measure].reduce((total, value) => total + value, 0);
        expect(found[measure]?.avg).toBeCloseTo(sum / all[measure].length, 6);
      }
    };
    await check();
    const summed = (): Promise<void> => store.pipeline.sumUp(new Date(started - HOUR));
    await summed();
    expect(await store.count('metrics.pipeline_hour')).toBeGreaterThan(0);
    await check();
    // What comes late makes an hour void, until it is summed up anew.
    const late = [0.1, 5000.5];
    all.watch.push(...late);
    const measures = { watch: distribution(late) };
    await store.bus.publish(pipelineSampled, 'cccccccccccc', { process: 'cccccccccccc', minute: started, measures });
    await until(all.watch.length, 1440);
    await check();
    await summed();
    await check();
  });

  it('answers for a day of very many values', async () => {
    const measured: PipelineMeasure[] = ['watch', 'detect', 'watchToDetect'];
    await fill(store, measured);
    const rows = await store.count('metrics.pipeline_sample');
    expect(rows).toBe(3 * 1380);
    await store.pipeline.sumUp(new Date(Date.now() - 30 * HOUR));
    await store.pipeline.sumUp(new Date(Date.now() - 30 * HOUR));
    await eventually(async () => expect((await get(1440)).watch?.count).toBe(1380 * 600), 20_000);
  }, 90_000);

  it('forgets what is past its time', async () => {
    await watch(ONE, 60, [1]);
    await until(1, 1440);
    await store.pipeline.sumUp(new Date(thisMinute - 3 * HOUR));
    await store.pipeline.tidy(7);
    expect(await store.count('metrics.pipeline_measure')).toBe(1);
    await store.rows(`UPDATE metrics.pipeline_measure SET seen_at = now() - interval '10 days'`);
    await store.rows(`UPDATE metrics.pipeline_hour SET hour = hour - interval '10 days'`);
    await store.pipeline.tidy(7);
    expect(await store.count('metrics.pipeline_measure')).toBe(0);
    expect(await store.count('metrics.pipeline_hour')).toBe(0);
  });
});

/** A day of minutes in which each measure has 300 different values, twice each. */
async function fill(store: Harness, measures: readonly PipelineMeasure[]): Promise<void> {
  await store.rows(`SELECT lapwing.ensure_partitions('metrics.pipeline_sample', now() - interval '1 day', now())`);
  await store.rows(
    `WITH m AS (INSERT INTO metrics.pipeline_measure (process, measure, seen_at) SELECT 'aaaaaaaaaaaa', unnest($1::text[]), now() RETURNING id)
     INSERT INTO metrics.pipeline_sample
     SELECT m.id, date_trunc('minute', now()) - make_interval(mins => n), 600, 600, 1, 300,
       ARRAY(SELECT generate_series(1, 300)::float8), array_fill(2, ARRAY[300])
     FROM m, generate_series(10, 1389) n`,
    [measures],
  );
}
