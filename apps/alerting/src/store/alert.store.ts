import type { AffectedResource } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';
import type { Change, Reread, Tracked } from '../domain/engine.js';
import { clean } from './partition.store.js';

/** A change with what only the service that judges knows. */
export interface JudgedChange {
  change: Change;
  partition: number;
  /** What is away because of it. */
  affected: AffectedResource[];
  affectedCount: number;
}

const RECORD = `"alertId" text, partition smallint, scope text, signal text, level text, score smallint, resource jsonb, message text,
  detail text, why text, value float8, threshold float8, "clearThreshold" float8, unit text, track jsonb, "startedAt" float8, at float8,
  resolution text, affected jsonb, "affectedCount" int, "watchedAt" float8, "detectedAt" float8`;

/** An acknowledgement holds on for so long after the alert was over: one that comes back at once is known already. */
const ACKNOWLEDGED_MS = 300_000;

/** What is over matters no more than this (contract-notes C9). */
const RESOLVED_SCORE = 29;

/** What judging writes: alerts as they begin, change and end. */
export class AlertStore {
  constructor(private readonly schema: Schema) {}

  /** What is open in a partition, with how each stands. */
  async open(partition: number): Promise<Tracked[]> {
    const { rows } = await this.schema.query<Tracked>(
      'alert.open',
      `SELECT alert_id AS "alertId", scope, resource, signal, detail, track FROM alerting.alert
       WHERE partition = $1 AND resolved_at IS NULL`,
      [partition],
    );
    return rows;
  }

  /** Writes changes, of which no two may be about the same alert. */
  async write(statements: Statements, changes: readonly JudgedChange[], now: number): Promise<void> {
    const of = (kind: Change['kind']) => changes.filter(({ change }) => change.kind === kind).map(recordOf);
    await this.#fire(statements, of('fired'), now);
    await this.#change(statements, of('level'));
    await this.#resolve(statements, of('resolved'));
  }

  async #fire(statements: Statements, records: unknown[], now: number): Promise<void> {
    if (records.length === 0) return;
    await statements.query(
      `WITH x AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(${RECORD})), made AS (
         INSERT INTO alerting.alert (alert_id, partition, scope, signal, level, score, resource, resource_id, instance, message, detail, why,
           value, threshold, clear_threshold, unit, track, started_at, fired_at, last_seen_at, affected, affected_count,
           acknowledged_at, acknowledged_by)
         SELECT x."alertId", x.partition, x.scope, x.signal, x.level, x.score, x.resource, x.resource ->> 'id', x.resource ->> 'instance',
           x.message, x.detail, x.why, x.value, x.threshold, x."clearThreshold", x.unit, x.track, ${instant('x."startedAt"')},
           ${instant('$2')}, ${instant('x.at')}, x.affected, x."affectedCount", before.acknowledged_at, before.acknowledged_by
         FROM x LEFT JOIN LATERAL (
           SELECT a.acknowledged_at, a.acknowledged_by FROM alerting.alert a
           WHERE a.resource_id = x.resource ->> 'id' AND a.alert_id = x."alertId" AND a.resolved_at > ${instant('x.at - $3')}
             AND a.resolution = 'recovered'
           ORDER BY a.started_at DESC LIMIT 1
         ) before ON true
         ON CONFLICT DO NOTHING
         RETURNING occurrence, alert_id, last_seen_at
       )
       INSERT INTO alerting.change (occurrence, kind, at, watched_at, detected_at)
       SELECT made.occurrence, 'fired', made.last_seen_at, ${instant('x."watchedAt"')}, ${instant('x."detectedAt"')}
       FROM made JOIN x ON x."alertId" = made.alert_id ORDER BY made.occurrence`,
      [clean(records), now, ACKNOWLEDGED_MS],
    );
  }

  async #change(statements: Statements, records: unknown[]): Promise<void> {
    if (records.length === 0) return;
    await statements.query(
      `WITH changed AS (
         UPDATE alerting.alert a SET level = x.level, score = x.score, message = x.message, detail = x.detail, why = x.why,
           value = x.value, threshold = x.threshold, clear_threshold = x."clearThreshold", track = x.track,
           last_seen_at = ${instant('x.at')}
         FROM jsonb_to_recordset($1::jsonb) AS x(${RECORD})
         WHERE a.alert_id = x."alertId" AND a.resolved_at IS NULL
         RETURNING a.occurrence, a.last_seen_at
       )
       INSERT INTO alerting.change (occurrence, kind, at) SELECT occurrence, 'level', last_seen_at FROM changed`,
      [clean(records)],
    );
  }

  async #resolve(statements: Statements, records: unknown[]): Promise<void> {
    if (records.length === 0) return;
    await statements.query(
      `WITH ended AS (
         UPDATE alerting.alert a SET resolved_at = greatest(a.started_at, ${instant('x.at')}), resolution = x.resolution, why = x.why,
           value = x.value, last_seen_at = ${instant('x.at')}, inhibited_by = NULL, score = least(a.score, ${RESOLVED_SCORE})
         FROM jsonb_to_recordset($1::jsonb) AS x(${RECORD})
         WHERE a.alert_id = x."alertId" AND a.resolved_at IS NULL
         RETURNING a.occurrence, a.resolved_at
       )
       INSERT INTO alerting.change (occurrence, kind, at) SELECT occurrence, 'resolved', resolved_at FROM ended`,
      [clean(records)],
    );
  }

  /** Notes the newest values of open alerts. Returns those that are not open any more. */
  async refresh(open: readonly Reread[]): Promise<string[]> {
    if (open.length === 0) return [];
    const records = open.map(({ alertId, track, message, score }) => ({
      alertId,
      track,
      message,
      score,
      value: track.lastValue,
      at: track.lastTime,
    }));
    const { rows } = await this.schema.query<{ id: string }>(
      'alert.refresh',
      `WITH x AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x("alertId" text, track jsonb, message text, score smallint, value float8, at float8)),
       done AS (
         UPDATE alerting.alert a SET value = x.value, track = x.track, message = x.message, score = x.score, last_seen_at = ${instant('x.at')}
         FROM x WHERE a.alert_id = x."alertId" AND a.resolved_at IS NULL RETURNING a.alert_id
       )
       SELECT x."alertId" AS id FROM x WHERE NOT EXISTS (SELECT FROM done WHERE done.alert_id = x."alertId")`,
      [clean(records)],
    );
    return rows.map(({ id }) => id);
  }

  /** Notes that somebody is told of alerts. */
  async noteTold(statements: Statements, occurrences: readonly number[], at: number): Promise<void> {
    await statements.query(`UPDATE alerting.alert SET last_notified_at = ${instant('$2')} WHERE occurrence = ANY($1)`, [
      occurrences,
      at,
    ]);
  }

  /** The open alerts about what other things stand on: the things that are away, and the alerts that say so. */
  async away(statements: Statements): Promise<Map<string, string>> {
    const { rows } = await statements.query<{ resourceId: string; id: string }>(
      `SELECT resource_id AS "resourceId", alert_id AS id FROM alerting.alert
       WHERE resolved_at IS NULL AND signal IN ('connectivity', 'powered-off')`,
    );
    return new Map(rows.map(({ resourceId, id }) => [resourceId, id]));
  }
}

function recordOf({ change, partition, affected, affectedCount }: JudgedChange) {
  const { samples: _samples, passage, ...facts } = change;
  return { ...facts, ...passage, partition, affected, affectedCount };
}
