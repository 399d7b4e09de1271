import {
  addCleanupCounts,
  cleanupRun,
  defaultSystemSettings,
  noCleanupCounts,
  rowsCount,
  settingsChanged,
  settingsGet,
  type CleanupCounts,
} from '@lapwing/contracts';
import { databaseKinds, eventually } from '@lapwing/testing';
import { Harness, batch, line } from './harness';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const run = cleanupRun('log-store');

describe.each(databaseKinds())('cleaning up lines on %s', (kind) => {
  let store: Harness;
  let now: number;
  let before: number;
  let seq: number;

  beforeEach(async () => {
    store = await Harness.start(kind);
    now = Date.now();
    before = Math.floor((now - 3 * DAY) / HOUR) * HOUR;
    seq = 0;
  });
  afterEach(() => store.stop());

  const send = (times: number[]) =>
    store.send([
      batch(
        ++seq,
        times.map((time, index) =>
          line(`line ${index} ${'x'.repeat(Math.floor(Math.random() * 3000))}`, time, {
            fields: index % 3 === 0 ? { unit: 'a' } : {},
          }),
        ),
      ),
    ]);
  const close = () =>
    eventually(() =>
      store.maintenance.cut({ partitionBytes: 1, maxBytes: 1e12, keepMs: 14 * DAY }).then(() => undefined),
    );
  const old = async (): Promise<number> =>
    (await store.rows<{ n: number }>('SELECT count(*) AS n FROM logs.entry WHERE time < $1', [new Date(before)]))[0]
      ?.n ?? 0;
  async function clean(dryRun: boolean): Promise<CleanupCounts> {
    let counts = noCleanupCounts;
    let after: string | null = null;
    do {
      const answer: { counts: CleanupCounts; next: string | null } = await eventually(() =>
        store.bus.request(run, { before, dryRun, after }),
      );
      counts = addCleanupCounts(counts, answer.counts);
      after = answer.next;
    } while (after !== null);
    return counts;
  }
  const wrongVolume = () =>
    store.rows(
      `SELECT * FROM (SELECT minute, stream_id, level, lines::bigint FROM logs.volume WHERE lines > 0) v
       FULL JOIN (SELECT date_trunc('minute', time) AS minute, stream_id, level, count(*) AS lines FROM logs.entry GROUP BY 1, 2, 3) e
         USING (minute, stream_id, level, lines) WHERE v IS NULL OR e IS NULL`,
    );

  it('deletes exactly what a dry run counts, whole partitions and parts of them, and nothing that is younger', async () => {
    const random = (from: number, to: number, count: number): number[] =>
      Array.from({ length: count }, () => Math.floor(from + Math.random() * (to - from)));
    await send(random(now - 6 * DAY, now - 5 * DAY, 300));
    await store.until(300);
    await close();
    await send([...random(now - 5 * DAY, now - 2 * DAY, 500), before - 1, before, before + 1]);
    await store.until(803);
    await close();
    await send([...random(now - 4 * DAY, now, 200), now]);
    await store.until(1004);
    const expected = await old();
    expect(expected).toBeGreaterThan(300);
    const dry = await clean(true);
    expect(dry).toEqual({ ...noCleanupCounts, logs: expected, bytes: dry.bytes });
    expect(dry.bytes).toBeGreaterThan(500 * expected);
    expect([await store.count(), await old()]).toEqual([1004, expected]);
    expect(await clean(false)).toEqual(dry);
    expect([await store.count(), await old()]).toEqual([1004 - expected, 0]);
    expect(await wrongVolume()).toEqual([]);
    expect([await clean(true), await clean(false)]).toEqual([noCleanupCounts, noCleanupCounts]);
    await send([now]);
    await store.until(1005 - expected);
  });

  it('goes on from a place, and leaves what lies before it', async () => {
    await send([now - 6 * DAY, now - 5 * DAY]);
    await store.until(2);
    await close();
    await send([now - 4 * DAY, now]);
    await store.until(4);
    const [, second] = await store
      .rows<{ starts: number }>('SELECT starts FROM logs.partition ORDER BY starts')
      .catch(() => []);
    if (!second) return;
    const part = await store.bus.request(run, { before, dryRun: false, after: `${second.starts} 0` });
    expect([part.counts.logs, part.next, await store.count()]).toEqual([1, null, 3]);
    expect((await clean(false)).logs).toBe(2);
  });

  it('shows nothing that is older than the setting, and gives what comes so late the time at which it came', async () => {
    const settings = (retentionDays: number, revision: number) => ({
      ...defaultSystemSettings,
      retentionDays,
      revision,
    });
    store.bus.respond(settingsGet, async () => settings(365, 1));
    await send([now - 2 * DAY, now - HOUR]);
    await store.until(2);
    await eventually(async () => expect((await store.total()).total).toBe(2));
    await store.bus.publish(settingsChanged, 'system', settings(1, 2));
    await eventually(async () => expect((await store.total()).total).toBe(1));
    expect(await store.find({ query: 'line' })).toHaveLength(1);
    expect(await store.bus.request(rowsCount('log-store'), {})).toEqual({
      tables: { logLines: { rows: 1, isEstimate: false } },
    });
    await send([now - 2 * DAY]);
    await eventually(async () => expect((await store.total()).total).toBe(2));
    await store.bus.publish(settingsChanged, 'system', settings(365, 3));
    await eventually(async () => expect((await store.total()).total).toBe(3));
  });
});
