import type { Actor, SectionCounts } from '@lapwing/contracts';
import { isDuplicate, type Schema, type Transaction } from '@lapwing/postgres';

/** How an import stands. */
export type ImportState = 'staging' | 'decided' | 'discarding' | 'applied' | 'discarded' | 'failed';

/** Who brought a file. */
export type Bringer = Pick<Actor, 'name' | 'userId' | 'address'>;

/** An import that is under way. */
export interface ImportRow {
  id: string;
  state: ImportState;
  /** Who is still to be told. */
  pending: string[];
  sections: SectionCounts;
  actor: Bringer;
  /** Milliseconds since 1970. */
  startedAt: number;
}

const COLUMNS = 'id, state, pending, sections, actor, started_at AS "startedAt"';
/** After so long nobody drives it any more: longer than an owner may take for an answer. */
const STALE = '30 seconds';
const KEPT = 100;

/** Imports, and what was decided about each. */
export class ImportStore {
  constructor(private readonly schema: Schema) {}

  /** Begins one. Returns whether none was under way. */
  async begin(id: string, holder: string, actor: Bringer, sections: SectionCounts): Promise<boolean> {
    try {
      await this.schema.query(
        'import.begin',
        `INSERT INTO settings.import (id, state, holder, touched_at, started_at, pending, sections, actor)
         VALUES ($1, 'staging', $2, now(), now(), '{}', $3, $4)`,
        [id, holder, JSON.stringify(sections), JSON.stringify(actor)],
      );
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  /** Says that somebody still drives it. Returns whether it is still his. */
  async touch(id: string, holder: string): Promise<boolean> {
    const { count } = await this.schema.query(
      'import.touch',
      'UPDATE settings.import SET touched_at = now() WHERE id = $1 AND holder = $2 AND ended_at IS NULL',
      [id, holder],
    );
    return count > 0;
  }

  /** Decides that it holds, together with what `work` writes. Returns whether it still could be decided. */
  async decide(
    id: string,
    holder: string,
    pending: readonly string[],
    work: (transaction: Transaction) => Promise<void>,
  ): Promise<boolean> {
    return this.schema.transaction('import.decide', async (transaction) => {
      const { count } = await transaction.query(
        `UPDATE settings.import SET state = 'decided', pending = $3, touched_at = now()
         WHERE id = $1 AND holder = $2 AND state = 'staging'`,
        [id, holder, pending],
      );
      if (count > 0) await work(transaction);
      return count > 0;
    });
  }

  /** Decides that it does not hold, unless it was decided that it does. Returns how it stands. */
  async giveUp(id: string, owners: readonly string[]): Promise<ImportState | undefined> {
    await this.schema.query(
      'import.give_up',
      `UPDATE settings.import SET state = 'discarding', pending = $2 WHERE id = $1 AND state = 'staging'`,
      [id, owners],
    );
    const { rows } = await this.schema.query<{ state: ImportState }>(
      'import.state',
      'SELECT state FROM settings.import WHERE id = $1',
      [id],
    );
    return rows[0]?.state;
  }

  /** Somebody was told. */
  async told(id: string, who: string): Promise<void> {
    await this.schema.query(
      'import.told',
      'UPDATE settings.import SET pending = array_remove(pending, $2), touched_at = now() WHERE id = $1',
      [id, who],
    );
  }

  /** It is over, and the oldest of those that are over are forgotten. */
  async end(id: string, state: 'applied' | 'discarded' | 'failed'): Promise<void> {
    await this.schema.query('import.end', 'UPDATE settings.import SET state = $2, ended_at = now() WHERE id = $1', [
      id,
      state,
    ]);
    await this.schema.query(
      'import.tidy',
      `DELETE FROM settings.import WHERE id IN (
         SELECT id FROM settings.import WHERE ended_at IS NOT NULL ORDER BY ended_at DESC OFFSET $1)`,
      [KEPT],
    );
  }

  /** Takes over one that nobody drives any more. One about which nothing was decided is given up with that. */
  async takeOver(holder: string, owners: readonly string[]): Promise<ImportRow | undefined> {
    const { rows } = await this.schema.query<ImportRow & Record<string, unknown>>(
      'import.take_over',
      `UPDATE settings.import SET holder = $1, touched_at = now(),
         pending = CASE WHEN state = 'staging' THEN $2::text[] ELSE pending END,
         state = CASE WHEN state = 'staging' THEN 'discarding' ELSE state END
       WHERE id = (SELECT id FROM settings.import WHERE ended_at IS NULL AND touched_at < now() - interval '${STALE}'
                   ORDER BY started_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING ${COLUMNS}`,
      [holder, owners],
    );
    return rows[0];
  }

  /** Lets others take over at once what somebody drove: one import, or all. */
  async release(holder: string, id: string | null = null): Promise<void> {
    await this.schema.query(
      'import.release',
      `UPDATE settings.import SET touched_at = 'epoch' WHERE holder = $1 AND ended_at IS NULL AND id = coalesce($2::uuid, id)`,
      [holder, id],
    );
  }

  /** The one that was decided last. */
  async newestDecided(): Promise<Pick<ImportRow, 'id' | 'state'> | undefined> {
    const { rows } = await this.schema.query<Pick<ImportRow, 'id' | 'state'>>(
      'import.newest',
      `SELECT id, state FROM settings.import WHERE state IN ('decided', 'applied', 'failed') ORDER BY started_at DESC LIMIT 1`,
    );
    return rows[0];
  }
}
