import type { AlertLevel } from '@lapwing/contracts';
import { instant, type Schema } from '@lapwing/postgres';
import { alertColumns, type AlertRow } from './alert-row.js';

/** What people look for in the history. */
export interface HistoryFilter {
  limit: number;
  offset: number;
  from: number | null;
  to: number | null;
  level: AlertLevel | null;
  resourceId: string | null;
  incidentId: number | null;
}

const MAX_OPEN = 20_000;

/** Alerts as people see and handle them. */
export class LifeStore {
  constructor(private readonly schema: Schema) {}

  /** Open alerts, the newest first. */
  async open(): Promise<AlertRow[]> {
    return this.page(null, MAX_OPEN);
  }

  /** Open alerts that are older than one, the newest first. */
  async page(after: number | null, limit: number): Promise<AlertRow[]> {
    const { rows } = await this.schema.query<AlertRow>(
      'alert.page',
      `SELECT ${alertColumns} FROM alerting.alert a WHERE a.resolved_at IS NULL AND ($1::bigint IS NULL OR a.occurrence < $1)
       ORDER BY a.occurrence DESC LIMIT $2`,
      [after, limit],
    );
    return rows;
  }

  /** Alerts of before and of now, the newest first, and how many there are. */
  async history({ limit, offset, ...filter }: HistoryFilter): Promise<{ alerts: AlertRow[]; total: number }> {
    const where = `($1::float8 IS NULL OR coalesce(a.resolved_at, 'infinity') >= ${instant('$1')}) AND ($2::float8 IS NULL OR a.started_at < ${instant('$2')})
      AND ($3::text IS NULL OR a.level = $3) AND ($4::text IS NULL OR a.resource_id = $4) AND ($5::bigint IS NULL OR a.incident_id = $5)`;
    const values = [filter.from, filter.to, filter.level, filter.resourceId, filter.incidentId];
    const [page, count] = await Promise.all([
      this.schema.query<AlertRow>(
        'alert.history',
        `SELECT ${alertColumns} FROM alerting.alert a WHERE ${where} ORDER BY a.started_at DESC, a.occurrence DESC LIMIT $6 OFFSET $7`,
        [...values, limit, offset],
      ),
      this.schema.query<{ n: number }>(
        'alert.count',
        `SELECT count(*) AS n FROM alerting.alert a WHERE ${where}`,
        values,
      ),
    ]);
    return { alerts: page.rows, total: count.rows[0]?.n ?? 0 };
  }

  /** Forgets what is over. Returns how much that was. */
  async clearHistory(): Promise<number> {
    const { count } = await this.schema.query(
      'alert.clear_history',
      // What is still to be told stays until it is.
      `DELETE FROM alerting.alert a WHERE a.resolved_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM alerting.notice n WHERE n.occurrence = a.occurrence)
       AND NOT EXISTS (SELECT FROM alerting.change c WHERE c.occurrence = a.occurrence AND NOT c.routed)`,
    );
    return count;
  }

  /** Acknowledges open alerts, or takes that back. Returns all of them that are open, changed or not. */
  async acknowledge(ids: readonly string[], by: string | null, now: number): Promise<AlertRow[]> {
    return this.schema.transaction('alert.acknowledge', async (transaction) => {
      await transaction.query(
        `WITH changed AS (
           UPDATE alerting.alert SET acknowledged_at = CASE WHEN $2::text IS NULL THEN NULL ELSE ${instant('$3')} END, acknowledged_by = $2
           WHERE alert_id = ANY($1) AND resolved_at IS NULL AND (acknowledged_at IS NULL) = ($2::text IS NOT NULL) RETURNING occurrence
         )
         INSERT INTO alerting.change (occurrence, kind, at)
         SELECT occurrence, CASE WHEN $2::text IS NULL THEN 'unacknowledged' ELSE 'acknowledged' END, ${instant('$3')} FROM changed`,
        [ids, by, now],
      );
      const { rows } = await transaction.query<AlertRow>(
        `SELECT ${alertColumns} FROM alerting.alert a WHERE a.alert_id = ANY($1) AND a.resolved_at IS NULL`,
        [ids],
      );
      return rows;
    });
  }

  /** Ends open alerts by hand. Returns them. */
  async clear(ids: readonly string[], by: string, now: number): Promise<AlertRow[]> {
    return this.schema.transaction('alert.clear', async (transaction) => {
      const { rows } = await transaction.query<AlertRow>(
        `UPDATE alerting.alert a SET resolved_at = greatest(a.started_at, ${instant('$3')}), resolution = 'cleared', why = 'cleared by ' || $2,
           inhibited_by = NULL
         WHERE a.alert_id = ANY($1) AND a.resolved_at IS NULL RETURNING ${alertColumns}`,
        [ids, by, now],
      );
      await transaction.query(
        `INSERT INTO alerting.change (occurrence, kind, at) SELECT o, 'cleared', ${instant('$2')} FROM unnest($1::bigint[]) o`,
        [rows.map(({ occurrence }) => occurrence), now],
      );
      return rows;
    });
  }
}
