import { countRows, instant, type Schema, type Statements } from '@lapwing/postgres';
import type { RowCount } from '@lapwing/contracts';

const AT_ONCE = 1000;
/** What an alert takes beside its own row: changes, links to deliveries, indexes. */
const ALERT_BYTES = 400;
const INCIDENT_BYTES = 150;

const OLD_ALERT = `resolved_at < ${instant('$1')}`;
/** Closed, and without an alert that stays. What is closed was opened before: that has the index. */
const OLD_INCIDENT = `i.opened_at < ${instant('$1')} AND i.closed_at < ${instant('$1')} AND NOT EXISTS (
  SELECT FROM alerting.alert a WHERE a.incident_id = i.id AND (a.resolved_at IS NULL OR a.resolved_at >= ${instant('$1')}))`;

/** Rows, and what they take. */
export interface Gone {
  rows: number;
  bytes: number;
}

/** Deletes alerts and incidents that are past the time for which they are kept, or counts them. */
export class CleanupStore {
  constructor(private readonly schema: Schema) {}

  /** Resolved alerts and closed incidents before an instant. */
  async count(before: number): Promise<{ alerts: Gone; incidents: Gone }> {
    const [alerts, incidents] = await Promise.all([
      gone(
        this.schema.plain('cleanup.count_alerts'),
        `SELECT ${weight('a')} AS bytes FROM alerting.alert a WHERE ${OLD_ALERT}`,
        [before],
      ),
      gone(
        this.schema.plain('cleanup.count_incidents'),
        `SELECT ${INCIDENT_BYTES} AS bytes FROM alerting.incident i WHERE ${OLD_INCIDENT}`,
        [before],
      ),
    ]);
    return { alerts, incidents };
  }

  /** Deletes some of the resolved alerts before an instant, with all that hangs on them. No rows: none is left. */
  deleteAlerts(before: number): Promise<Gone> {
    return this.schema.transaction('cleanup.alerts', (transaction) =>
      gone(
        transaction,
        `DELETE FROM alerting.alert a WHERE occurrence IN (
           SELECT occurrence FROM alerting.alert WHERE ${OLD_ALERT} ORDER BY resolved_at LIMIT ${AT_ONCE})
         RETURNING ${weight('a')} AS bytes`,
        [before],
      ),
    );
  }

  /** Deletes some of the closed incidents before an instant of which no alert is left. */
  deleteIncidents(before: number): Promise<Gone> {
    return this.schema.transaction('cleanup.incidents', (transaction) =>
      gone(
        transaction,
        `DELETE FROM alerting.incident WHERE id IN (
           SELECT id FROM alerting.incident i WHERE ${OLD_INCIDENT} LIMIT ${AT_ONCE})
         RETURNING ${INCIDENT_BYTES} AS bytes`,
        [before],
      ),
    );
  }

  /** How many there are that are not past their time. */
  async rows(keptSince: number): Promise<Record<'incidents' | 'alerts', RowCount>> {
    const kept = (column: string): string => `${column} IS NULL OR ${column} >= ${instant('$1')}`;
    const [incidents, alerts] = await Promise.all([
      countRows(this.schema, 'alerting.incident', kept('closed_at'), [keptSince]),
      countRows(this.schema, 'alerting.alert', kept('resolved_at'), [keptSince]),
    ]);
    return { incidents, alerts };
  }
}

const weight = (row: string): string => `pg_column_size(${row}.*) + ${ALERT_BYTES}`;

async function gone(statements: Statements, source: string, values: unknown[]): Promise<Gone> {
  const { rows } = await statements.query<{ rows: number; bytes: number }>(
    `WITH x AS (${source}) SELECT count(*) AS rows, coalesce(sum(bytes), 0)::bigint AS bytes FROM x`,
    values,
  );
  return rows[0] ?? { rows: 0, bytes: 0 };
}
