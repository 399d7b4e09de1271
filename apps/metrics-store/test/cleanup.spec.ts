import {
  addCleanupCounts,
  cleanupRun,
  defaultSystemSettings,
  gpuHistoryGet,
  historyGet,
  noCleanupCounts,
  rowsCount,
  settingsChanged,
  settingsGet,
  type CleanupCounts,
} from '@lapwing/contracts';
import { databaseKinds, eventually, hostSample } from '@lapwing/testing';
import { Postgres } from '@lapwing/postgres';
import { Harness } from './harness';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const run = cleanupRun('metrics-store');
const tables = ['host', 'disk', 'interface', 'gpu', 'node', 'guest', 'storage'].map((kind) => `metrics.${kind}_sample`);

describe.each(databaseKinds())('cleaning up samples on %s', (kind) => {
  let store: Harness;
  let before: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    before = Math.floor((Date.now() - 3 * DAY) / HOUR) * HOUR;
  });
  afterEach(() => store.stop());

  /** Rows at random times of the last six days, and on the line itself. */
  async function fill(): Promise<void> {
    for (const [place, table] of tables.entries()) {
      await store.rows(`SELECT lapwing.ensure_partitions($1, now() - interval '6 days', now())`, [table]);
      await store.rows(
        `INSERT INTO ${table} (resource_id, time${table === 'metrics.host_sample' ? ', seq' : ''})
         SELECT n % 7, t${table === 'metrics.host_sample' ? ', n' : ''} FROM (
           SELECT n, now() - random() * interval '6 days' AS t FROM generate_series(1, $1) n
           UNION ALL SELECT n, $2::timestamptz + (n - 3) * interval '1 millisecond' FROM generate_series(1, 5) n) x
         ON CONFLICT DO NOTHING`,
        [400 + 100 * place, new Date(before)],
      );
    }
  }
  const old = async (table: string, column = 'time'): Promise<number> =>
    (await store.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE ${column} < $1`, [new Date(before)]))[0]
      ?.n ?? 0;
  async function clean(dryRun: boolean): Promise<CleanupCounts> {
    let counts = noCleanupCounts;
    let after: string | null = null;
    do {
      const answer: { counts: CleanupCounts; next: string | null } = await store.bus.request(run, {
        before,
        dryRun,
        after,
      });
      counts = addCleanupCounts(counts, answer.counts);
      after = answer.next;
    } while (after !== null);
    return counts;
  }

  it('tells what is gone also when a reader was in the way in between', async () => {
    await fill();
    const expected = await clean(true);
    const reader = new Postgres({ service: 'reader', url: store.database.url });
    let done = (): void => {};
    const hold = new Promise<void>((resolve) => (done = resolve));
    const reading = reader.transaction('read', async (transaction) => {
      await transaction.query('SELECT count(*) FROM metrics.storage_sample');
      await hold;
    });
    const first: { counts: CleanupCounts; next: string | null } = await store.bus.request(run, {
      before,
      dryRun: false,
      after: null,
    });
    done();
    await reading;
    await reader.onApplicationShutdown();
    expect(first.next).not.toBeNull();
    let counts = first.counts;
    for (let after = first.next; after !== null;) {
      const answer: { counts: CleanupCounts; next: string | null } = await store.bus.request(run, {
        before,
        dryRun: false,
        after,
      });
      counts = addCleanupCounts(counts, answer.counts);
      after = answer.next;
    }
    expect(counts).toEqual(expected);
  });

  it('deletes exactly what a dry run counts, whole partitions and parts of them, and nothing that is younger', async () => {
    await fill();
    const expected: Record<string, number> = {};
    const kept: Record<string, number> = {};
    for (const table of tables) {
      expected[table] = await old(table);
      kept[table] = (await store.count(table)) - expected[table];
    }
    const dry = await clean(true);
    const samples =
      Object.values(expected).reduce((sum, count) => sum + count, 0) - (expected['metrics.gpu_sample'] ?? 0);
    expect(dry).toMatchObject({ gpuStats: expected['metrics.gpu_sample'], samples, events: 0, logs: 0 });
    expect(dry.bytes).toBeGreaterThan(50 * samples);
    for (const table of tables) expect(await old(table)).toBe(expected[table]);
    expect(await clean(false)).toEqual(dry);
    for (const table of tables) expect([await old(table), await store.count(table)]).toEqual([0, kept[table]]);
    expect([await clean(true), await clean(false)]).toEqual([noCleanupCounts, noCleanupCounts]);
  });

  it('goes on where an answer ended, also within a partition', async () => {
    await fill();
    const dry = await clean(true);
    const [boundary] = await store
      .rows<{ starts: number }>(
        'SELECT starts FROM lapwing.partition WHERE series = $1 AND starts < $2 AND ends > $2',
        ['metrics.host_sample', new Date(before)],
      )
      .catch(() => []);
    if (!boundary) return;
    const place = `metrics.host_sample ${boundary.starts} 0`;
    const rest = await store.bus.request(run, { before, dryRun: false, after: place });
    expect(rest.counts.samples).toBeLessThan(dry.samples);
    const first = await clean(false);
    expect(addCleanupCounts(first, rest.counts)).toEqual(dry);
  });

  it('takes roll-ups with it, and late samples do not bring them back', async () => {
    await store.send([hostSample(1, before - 2 * HOUR), hostSample(2, before + 2 * HOUR), hostSample(3, Date.now())]);
    await store.until('metrics.host_sample', 3);
    await eventually(async () => {
      await store.rollUp();
      expect(await old('metrics.host_sample_1m', 'bucket')).toBe(1);
    });
    await store.rows('SELECT lapwing.note_late($1, $2, $3)', [
      'metrics.host_sample',
      [1],
      [new Date(before - 2 * HOUR)],
    ]);
    const dry = await clean(true);
    expect(dry.rollups).toBeGreaterThanOrEqual(3);
    expect(await clean(false)).toEqual(dry);
    await store.rollUp();
    for (const grain of ['1m', '5m', '1h']) expect(await old(`metrics.host_sample_${grain}`, 'bucket')).toBe(0);
    expect(await store.count('metrics.host_sample')).toBe(2);
  });

  it('accepts samples again for time whose partitions have gone', async () => {
    await store.send([hostSample(1, before - 2 * DAY), hostSample(2, Date.now())]);
    await store.until('metrics.host_sample', 2);
    expect((await clean(false)).samples).toBeGreaterThan(0);
    await store.until('metrics.host_sample', 1);
    await store.send([hostSample(3, before - 2 * DAY)]);
    await store.until('metrics.host_sample', 2);
  });

  it('shows and accepts nothing that is older than the setting, as soon as it changes', async () => {
    const now = Date.now();
    const settings = (retentionDays: number, revision: number) => ({
      ...defaultSystemSettings,
      retentionDays,
      revision,
    });
    store.bus.respond(settingsGet, async () => settings(365, 1));
    await store.send([hostSample(1, now - 2 * DAY), hostSample(2, now - HOUR)]);
    await store.until('metrics.host_sample', 2);
    const ask = { agentIds: null, metrics: ['cpu' as const], from: now - 5 * DAY, to: now, step: 3600 };
    const times = async () => {
      await store.rollUp();
      return (await store.bus.request(historyGet, ask)).times.length;
    };
    await eventually(async () => expect(await times()).toBe(2));
    await store.bus.publish(settingsChanged, 'system', settings(1, 2));
    await eventually(async () => expect(await times()).toBe(1));
    await store.send([hostSample(3, now - 25 * HOUR), hostSample(4, now - 23 * HOUR)]);
    await store.until('metrics.host_sample', 3);
    expect(await store.rows('SELECT seq, reason FROM metrics.quarantined_sample')).toEqual([
      { seq: 3, reason: 'clock_behind' },
    ]);
    const { samples } = await store.bus.request(gpuHistoryGet, { agentId: null, since: null, limit: 100 });
    expect(samples.every(({ time }) => time > now - DAY)).toBe(true);
    await store.bus.publish(settingsChanged, 'system', settings(365, 3));
    await eventually(async () => expect(await times()).toBe(3));
  });

  it('counts readings of graphics cards', async () => {
    await fill();
    expect(await store.bus.request(rowsCount('metrics-store'), {})).toEqual({
      tables: { gpuSamples: { rows: await store.count('metrics.gpu_sample'), isEstimate: false } },
    });
  });

  it('refuses a line that is no full hour', async () => {
    await expect(store.bus.request(run, { before: before + 1, dryRun: true })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });
});
