import { instant, type Schema } from '@lapwing/postgres';

const DAY_MS = 86_400_000;
const DELIVERY_DAYS = 30;
const AT_ONCE = 10_000;

/** Forgets what is past its time. */
export class TidyStore {
  constructor(private readonly schema: Schema) {}

  /**
   * Deletes in bounded steps; what is left over goes the next time. Alerts and incidents are left to the cleanup, so that a dry run can tell before
   * they go.
   * @param retentionDays days after which nothing is kept.
   */
  async tidy(now: number, retentionDays: number): Promise<void> {
    const old = (days: number): number => now - days * DAY_MS;
    await this.schema.query(
      'tidy.deliveries',
      `DELETE FROM alerting.delivery WHERE id IN (
         SELECT id FROM alerting.delivery WHERE decided_at < ${instant('$1')} AND ended_at IS NOT NULL LIMIT ${AT_ONCE})`,
      [old(Math.min(DELIVERY_DAYS, retentionDays))],
    );
    await this.schema.query('tidy.changes', `DELETE FROM alerting.change WHERE routed AND at < ${instant('$1')}`, [
      old(7),
    ]);
    await this.schema.query('tidy.memories', `DELETE FROM alerting.memory WHERE updated_at < ${instant('$1')}`, [
      old(7),
    ]);
    await this.schema.query('tidy.silences', `DELETE FROM alerting.silence WHERE ends_at < ${instant('$1')}`, [old(1)]);
  }
}
