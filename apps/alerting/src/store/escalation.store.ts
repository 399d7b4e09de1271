import { instant, type Statements } from '@lapwing/postgres';

const MAX_AT_ONCE = 1000;

/** How far alerts were escalated. */
export class EscalationStore {
  /** Takes the alerts that are due for a step: told, open since before, and acknowledged by nobody. */
  async due(
    statements: Statements,
    { step, before, now }: { step: number; before: number; now: number },
  ): Promise<number[]> {
    const { rows } = await statements.query<{ occurrence: number }>(
      `UPDATE alerting.alert SET escalated_at = escalated_at || ${instant('$3')}
       WHERE occurrence IN (
         SELECT occurrence FROM alerting.alert
         WHERE resolved_at IS NULL AND acknowledged_at IS NULL AND last_notified_at IS NOT NULL AND cardinality(escalated_at) = $1
           AND started_at <= ${instant('$2')} LIMIT ${MAX_AT_ONCE}
       ) AND cardinality(escalated_at) = $1 RETURNING occurrence`,
      [step, before, now],
    );
    return rows.map(({ occurrence }) => occurrence);
  }
}
