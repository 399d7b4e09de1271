import { LapwingError, noCleanupCounts, type Cleanup, type CleanupCounts } from '@lapwing/contracts';
import { isDuplicate, type Schema } from '@lapwing/postgres';
import type { LastCleanup } from '../domain/schedule.js';

/** Whoever says nothing for so long does nothing any more. */
const DEAD_AFTER = '30 seconds';
const KEPT = '400 days';

const columns = `id, dry_run AS "dryRun", trigger, retention_days AS "retentionDays", started_at AS "startedAt", ended_at AS "endedAt", counts, fault`;

/** Keeps which cleanups ran and what came of them; one at a time, over all replicas. */
export class CleanupStore {
  constructor(private readonly schema: Schema) {}

  /** Begins one. Throws `CLEANUP_IN_PROGRESS` while another is under way. */
  async begin({
    dryRun,
    trigger,
    retentionDays,
  }: Pick<Cleanup, 'dryRun' | 'trigger' | 'retentionDays'>): Promise<Cleanup> {
    try {
      return await this.schema.transaction('cleanup.begin', async (transaction) => {
        await transaction.query(
          `UPDATE settings.cleanup SET ended_at = now(), fault = 'whoever did it has ended' WHERE ended_at IS NULL AND beat_at < now() - $1::interval`,
          [DEAD_AFTER],
        );
        await transaction.query('DELETE FROM settings.cleanup WHERE ended_at < now() - $1::interval', [KEPT]);
        const { rows } = await transaction.query<Cleanup>(
          `INSERT INTO settings.cleanup (trigger, dry_run, retention_days, counts) VALUES ($1, $2, $3, $4) RETURNING ${columns}`,
          [trigger, dryRun, retentionDays, JSON.stringify(noCleanupCounts)],
        );
        return rows[0] as Cleanup;
      });
    } catch (error) {
      if (isDuplicate(error)) throw new LapwingError('CLEANUP_IN_PROGRESS');
      throw error;
    }
  }

  /** Says that one goes on, and how far it has come. Returns whether it may: another may have taken it for dead. */
  async beat(id: number, counts: CleanupCounts): Promise<boolean> {
    const { count } = await this.schema.query(
      'cleanup.beat',
      'UPDATE settings.cleanup SET beat_at = now(), counts = $2 WHERE id = $1 AND ended_at IS NULL',
      [id, JSON.stringify(counts)],
    );
    return count > 0;
  }

  /** Ends one, with what went wrong. */
  async end(id: number, counts: CleanupCounts, fault: string | null): Promise<void> {
    await this.schema.query(
      'cleanup.end',
      'UPDATE settings.cleanup SET beat_at = now(), ended_at = now(), counts = $2, fault = $3 WHERE id = $1',
      [id, JSON.stringify(counts), fault],
    );
  }

  /** One of them; of one that nobody does any more the end is told. Throws `NOT_FOUND`. */
  async get(id: number): Promise<Cleanup> {
    const { rows } = await this.schema.query<Cleanup>(
      'cleanup.get',
      `SELECT id, dry_run AS "dryRun", trigger, retention_days AS "retentionDays", started_at AS "startedAt",
         CASE WHEN ended_at IS NULL AND beat_at < now() - $2::interval THEN beat_at ELSE ended_at END AS "endedAt", counts,
         CASE WHEN ended_at IS NULL AND beat_at < now() - $2::interval THEN 'whoever did it has ended' ELSE fault END AS fault
       FROM settings.cleanup WHERE id = $1`,
      [id, DEAD_AFTER],
    );
    const [row] = rows;
    if (!row) throw new LapwingError('NOT_FOUND', 'no such cleanup');
    return row;
  }

  /** The last scheduled one that is over, and when the table was made. */
  async lastScheduled(): Promise<{ last: (LastCleanup & { fault: string | null }) | null; setUpAt: number }> {
    const { rows } = await this.schema.query<{
      setUpAt: number;
      startedAt: number | null;
      fault: string | null;
    }>(
      'cleanup.last',
      `SELECT m.applied_at AS "setUpAt", c.started_at AS "startedAt", c.fault FROM settings.migration m
       LEFT JOIN LATERAL (
         SELECT started_at, fault FROM settings.cleanup WHERE trigger = 'schedule' AND ended_at IS NOT NULL ORDER BY started_at DESC LIMIT 1
       ) c ON true WHERE m.name = '0003_cleanup.sql'`,
    );
    const { setUpAt = Date.now(), startedAt = null, fault = null } = rows[0] ?? {};
    return { setUpAt, last: startedAt === null ? null : { startedAt, hasFailed: fault !== null, fault } };
  }
}
