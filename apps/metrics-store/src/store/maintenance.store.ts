import { seriesMode, type Postgres } from '@lapwing/postgres';
import { polledTables } from '../domain/polled.js';
import { sampleTables } from '../domain/tables.js';

const QUARANTINE_DAYS = 30;
const LEDGER_DAYS = 400;

/** Keeps the series in order: roll-ups, partitions, retention. */
export class MaintenanceStore {
  constructor(private readonly postgres: Postgres) {}

  /** Sets for how many days each grain is kept. */
  async setRetention(days: { raw: number; '1m': number; '5m': number; '1h': number }): Promise<void> {
    for (const { name } of [...Object.values(sampleTables), ...Object.values(polledTables)])
      for (const [grain, keep] of Object.entries(days))
        await this.postgres.query('retention.set', 'SELECT lapwing.set_retention($1, $2::interval)', [
          `${name}${grain === 'raw' ? '' : `_${grain}`}`,
          `${keep} days`,
        ]);
    await this.postgres.query('retention.set', 'SELECT lapwing.set_retention($1, $2::interval)', [
      'metrics.pipeline_sample',
      `${days.raw} days`,
    ]);
  }

  /**
   * Brings the roll-ups up to date, in bounded transactions. TimescaleDB does this by its own policies, so that there is
   * nothing to do there. Several replicas may do it at the same time: a roll-up's row is locked while it is refreshed.
   */
  async refreshRollups(): Promise<void> {
    if ((await seriesMode(this.postgres)) === 'timescale') return;
    const { rows } = await this.postgres.query<{ name: string }>(
      'rollup.list',
      'SELECT name FROM lapwing.rollup ORDER BY width',
    );
    for (const { name } of rows) {
      for (let more = true; more;) {
        const result = await this.postgres.transaction('rollup.refresh', (transaction) =>
          transaction.query<{ more: boolean }>('SELECT lapwing.refresh_rollup($1) AS more', [name]),
        );
        more = result.rows[0]?.more ?? false;
      }
    }
  }

  /** Makes the partitions of the days to come, drops what is past its retention, and tidies the ledger. */
  async tidy(): Promise<void> {
    await this.postgres.transaction('partition.maintain', async (transaction) => {
      await transaction.query(`SET LOCAL lock_timeout = '2s'`);
      await transaction.query('SELECT lapwing.maintain_partitions()');
    });
    await this.postgres.query(
      'quarantine.tidy',
      `DELETE FROM metrics.quarantined_sample WHERE received_at < now() - $1::interval`,
      [`${QUARANTINE_DAYS} days`],
    );
    await this.postgres.query('ledger.tidy', `DELETE FROM metrics.ledger_hour WHERE hour < now() - $1::interval`, [
      `${LEDGER_DAYS} days`,
    ]);
    await this.postgres.query('gap.tidy', `DELETE FROM metrics.gap WHERE ends < now() - $1::interval`, [
      `${LEDGER_DAYS} days`,
    ]);
  }
}
