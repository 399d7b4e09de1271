import {
  addCleanupCounts,
  alertHistory,
  cleanupRun,
  defaultSystemSettings,
  incidentList,
  noCleanupCounts,
  rowsCount,
  settingsChanged,
  type CleanupCounts,
} from '@lapwing/contracts';
import { eventually } from '@lapwing/testing';
import { Alerting } from './harness';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const run = cleanupRun('alerting');

describe('cleaning up alerts', () => {
  let alerting: Alerting;
  let before: number;

  beforeAll(async () => {
    alerting = await Alerting.start();
    before = Math.floor((Date.now() - 30 * DAY) / HOUR) * HOUR;
  }, 60_000);
  afterAll(() => alerting.stop());

  const rows = async <R extends object>(sql: string, values: unknown[] = []): Promise<R[]> =>
    (await alerting.postgres.query<R & Record<string, unknown>>('test', sql, values)).rows;
  const count = async (from: string): Promise<number> =>
    (await rows<{ n: number }>(`SELECT count(*) AS n FROM ${from}`, from.includes('$1') ? [new Date(before)] : []))[0]
      ?.n ?? 0;

  /** Incidents with none to four alerts each, at random times around the line and on it; some are open. */
  async function fill(): Promise<void> {
    await rows(
      `INSERT INTO alerting.incident (instance, opened_at, last_at, closed_at, score)
       SELECT 'i' || n, t, t, CASE WHEN n % 10 = 0 THEN NULL ELSE t + interval '1 minute' END, 50
       FROM (SELECT n, $1::timestamptz + (random() - 0.5) * interval '20 days' AS t FROM generate_series(1, 300) n
             UNION ALL SELECT 300 + n, $1::timestamptz + (n - 63) * interval '1 second' FROM generate_series(1, 5) n) x`,
      [new Date(before)],
    );
    await rows(
      `INSERT INTO alerting.alert (alert_id, partition, scope, signal, level, score, resource, resource_id, instance, message, detail, why, value,
         threshold, clear_threshold, unit, track, started_at, fired_at, last_seen_at, resolved_at, incident_id)
       SELECT 'a' || i.id || '-' || n, 0, 'host', 'cpu', 'warning', 50, '{}', 'h', 'i', repeat('m', (random() * 500)::int), 'd', 'w', 1, 1, 1, '%', '{}',
         i.opened_at, i.opened_at, i.opened_at,
         CASE WHEN (i.id + n) % 13 = 0 THEN NULL ELSE i.opened_at + random() * random() * interval '8 days' END, i.id
       FROM alerting.incident i, generate_series(1, 4) n WHERE n <= i.id % 5`,
    );
    await rows(
      `INSERT INTO alerting.change (occurrence, kind, at, routed) SELECT occurrence, 'resolved', resolved_at, true FROM alerting.alert WHERE resolved_at IS NOT NULL`,
    );
    await rows(
      `UPDATE alerting.alert SET resolved_at = $1::timestamptz + (occurrence % 3 - 1) * interval '1 millisecond' WHERE occurrence % 29 = 0`,
      [new Date(before)],
    );
  }
  async function clean(dryRun: boolean): Promise<CleanupCounts> {
    let counts = noCleanupCounts;
    let after: string | null = null;
    do {
      const answer: { counts: CleanupCounts; next: string | null } = await alerting.bus.request(run, {
        before,
        dryRun,
        after,
      });
      counts = addCleanupCounts(counts, answer.counts);
      after = answer.next;
    } while (after !== null);
    return counts;
  }

  it('deletes exactly what a dry run counts, and nothing that is open or younger', async () => {
    await fill();
    const oldAlerts = 'alerting.alert WHERE resolved_at < $1';
    const oldIncidents =
      "alerting.incident i WHERE closed_at < $1 AND NOT EXISTS (SELECT FROM alerting.alert a WHERE a.incident_id = i.id AND resolved_at IS DISTINCT FROM least(resolved_at, $1 - interval '1 microsecond'))";
    const [alerts, incidents] = [await count(oldAlerts), await count(oldIncidents)];
    const [allAlerts, allIncidents] = [await count('alerting.alert'), await count('alerting.incident')];
    expect(Math.min(alerts, incidents)).toBeGreaterThan(20);
    const dry = await clean(true);
    expect(dry).toEqual({ ...noCleanupCounts, detections: alerts, events: incidents, bytes: dry.bytes });
    expect(dry.bytes).toBeGreaterThan(400 * alerts);
    expect(await count('alerting.alert')).toBe(allAlerts);
    expect(await clean(false)).toEqual(dry);
    expect([await count('alerting.alert'), await count('alerting.incident')]).toEqual([
      allAlerts - alerts,
      allIncidents - incidents,
    ]);
    expect(await count('alerting.alert WHERE incident_id IS NULL')).toBe(0);
    expect([await clean(true), await clean(false)]).toEqual([noCleanupCounts, noCleanupCounts]);
  });

  it('shows nothing that is older than the setting, and counts what it shows', async () => {
    const settings = (retentionDays: number, revision: number) => ({
      ...defaultSystemSettings,
      retentionDays,
      revision,
    });
    const history = async () =>
      (
        await alerting.bus.request(alertHistory, {
          limit: 1,
          offset: 100_000,
          from: null,
          to: null,
          level: null,
          resourceId: null,
        })
      ).total;
    const listed = async () =>
      (await alerting.bus.request(incidentList, { limit: 1, offset: 0, from: null, to: null, minScore: 0 })).total;
    await rows(
      `UPDATE alerting.alert SET resolved_at = now() - interval '10 days' WHERE resolved_at < now() - interval '10 days'`,
    );
    const all = [await history(), await listed()];
    expect(all).toEqual([await count('alerting.alert'), await count('alerting.incident')]);
    await alerting.bus.publish(settingsChanged, 'system', settings(1, 1));
    const shown = [
      await count(`alerting.alert WHERE coalesce(resolved_at, 'infinity') > now() - interval '1 day'`),
      await count(`alerting.incident WHERE coalesce(closed_at, 'infinity') > now() - interval '1 day'`),
    ];
    expect(shown[0]).toBeLessThan(all[0] ?? 0);
    await eventually(async () => expect([await history(), await listed()]).toEqual(shown));
    expect(await alerting.bus.request(rowsCount('alerting'), {})).toEqual({
      tables: {
        alerts: { rows: shown[0], isEstimate: false },
        incidents: { rows: shown[1], isEstimate: false },
      },
    });
    await alerting.bus.publish(settingsChanged, 'system', settings(365, 2));
    await eventually(async () => expect([await history(), await listed()]).toEqual(all));
  });
});
