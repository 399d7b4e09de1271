import type { Incident } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';

/** Alerts of one installation that began close together. */
export class IncidentStore {
  constructor(private readonly schema: Schema) {}

  /** Puts alerts into the open incident of their installation, or opens one. */
  async join(
    statements: Statements,
    alerts: readonly { occurrence: number; instance: string; score: number; at: number }[],
  ): Promise<void> {
    if (alerts.length === 0) return;
    await statements.query(
      `WITH x AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(occurrence bigint, instance text, score smallint, at float8)),
       made AS (
         INSERT INTO alerting.incident (instance, opened_at, last_at, score)
         SELECT instance, ${instant('min(at)')}, ${instant('max(at)')}, max(score) FROM x GROUP BY instance
         ON CONFLICT (instance) WHERE closed_at IS NULL
         DO UPDATE SET last_at = greatest(incident.last_at, excluded.last_at), score = greatest(incident.score, excluded.score)
         RETURNING id, instance
       )
       UPDATE alerting.alert a SET incident_id = made.id FROM x JOIN made USING (instance) WHERE a.occurrence = x.occurrence`,
      [JSON.stringify(alerts)],
    );
  }

  /** The greatest score of an incident may grow after it is closed. */
  async grow(statements: Statements, occurrences: readonly number[]): Promise<void> {
    await statements.query(
      `UPDATE alerting.incident i SET score = greatest(i.score, a.score) FROM alerting.alert a
       WHERE a.occurrence = ANY($1) AND a.incident_id = i.id`,
      [occurrences],
    );
  }

  /** Closes what is older than the window, or has been quiet for the idle time. */
  async close(at: number, windowSeconds: number, idleSeconds: number): Promise<void> {
    await this.schema.query(
      'incident.close',
      `UPDATE alerting.incident SET closed_at = ${instant('$1')} WHERE closed_at IS NULL
       AND (opened_at <= ${instant('$1')} - make_interval(secs => $2) OR last_at <= ${instant('$1')} - make_interval(secs => $3))`,
      [at, windowSeconds, idleSeconds],
    );
  }

  /** Incidents, the newest first. */
  async list(filter: {
    limit: number;
    offset: number;
    from: number | null;
    to: number | null;
    minScore: number;
    /** Incidents that were closed before are not shown any more. */
    keptSince: number;
  }): Promise<{ incidents: Incident[]; total: number }> {
    const where = `score >= $1 AND ($2::float8 IS NULL OR opened_at >= ${instant('$2')}) AND ($3::float8 IS NULL OR opened_at < ${instant('$3')})
      AND coalesce(closed_at, 'infinity') >= ${instant('$4')}`;
    const values = [filter.minScore, filter.from, filter.to, filter.keptSince];
    const [page, count] = await Promise.all([
      this.schema.query<Incident>(
        'incident.list',
        `SELECT i.id, i.instance, i.opened_at AS "openedAt", i.last_at AS "lastAt", i.closed_at AS "closedAt", i.score,
           CASE WHEN count(a.occurrence) FILTER (WHERE a.resolved_at IS NULL) = 0 THEN max(a.resolved_at) END AS "resolvedAt",
           count(a.occurrence)::int AS alerts, (count(a.occurrence) FILTER (WHERE a.resolved_at IS NULL))::int AS "openAlerts"
         FROM (SELECT * FROM alerting.incident WHERE ${where} ORDER BY opened_at DESC, id DESC LIMIT $5 OFFSET $6) i
         LEFT JOIN alerting.alert a ON a.incident_id = i.id
         GROUP BY i.id, i.instance, i.opened_at, i.last_at, i.closed_at, i.score ORDER BY i.opened_at DESC, i.id DESC`,
        [...values, filter.limit, filter.offset],
      ),
      this.schema.query<{ n: number }>(
        'incident.count',
        `SELECT count(*) AS n FROM alerting.incident WHERE ${where}`,
        values,
      ),
    ]);
    return { incidents: page.rows, total: count.rows[0]?.n ?? 0 };
  }
}
