import type { MaintenanceDraft, SilenceDraft } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';
import { clean } from './partition.store.js';

/** A silence as the database has it. */
export interface SilenceRow extends SilenceDraft {
  id: string;
  createdBy: string;
  createdAt: number;
}

/** A maintenance window as the database has it. */
export interface MaintenanceRow {
  id: string;
  draft: MaintenanceDraft;
  createdBy: string;
  createdAt: number;
}

/** Silences and maintenance windows. */
export class SilenceStore {
  constructor(private readonly schema: Schema) {}

  /** The silences, the newest first. */
  async silences(statements: Statements = this.schema.plain('silence.list')): Promise<SilenceRow[]> {
    const { rows } = await statements.query<SilenceRow>(
      `SELECT id, matchers, starts_at AS "startsAt", ends_at AS "endsAt", comment, created_by AS "createdBy", created_at AS "createdAt"
       FROM alerting.silence ORDER BY created_at DESC, id`,
    );
    return rows;
  }

  /** Makes a silence, or changes it. */
  async putSilence(statements: Statements, row: SilenceRow): Promise<void> {
    await statements.query(
      `INSERT INTO alerting.silence (id, matchers, starts_at, ends_at, comment, created_by, created_at)
       VALUES ($1, $2, ${instant('$3')}, ${instant('$4')}, $5, $6, ${instant('$7')})
       ON CONFLICT (id) DO UPDATE SET matchers = $2, starts_at = ${instant('$3')}, ends_at = ${instant('$4')}, comment = $5`,
      [row.id, clean(row.matchers), row.startsAt, row.endsAt, row.comment, row.createdBy, row.createdAt],
    );
  }

  /** Ends a silence that is not over. Returns whether there was one. */
  async endSilence(id: string, now: number): Promise<boolean> {
    const { count } = await this.schema.query(
      'silence.end',
      `UPDATE alerting.silence SET ends_at = ${instant('$2')}, starts_at = least(starts_at, ${instant('$2')})
       WHERE id = $1 AND ends_at > ${instant('$2')}`,
      [id, now],
    );
    return count > 0;
  }

  /** The maintenance windows by name. */
  async windows(statements: Statements = this.schema.plain('maintenance.list')): Promise<MaintenanceRow[]> {
    const { rows } = await statements.query<MaintenanceRow>(
      `SELECT id, draft, created_by AS "createdBy", created_at AS "createdAt" FROM alerting.maintenance ORDER BY draft ->> 'name', id`,
    );
    return rows;
  }

  /** Makes a window, or changes it. */
  async putWindow(statements: Statements, { id, draft, createdBy, createdAt }: MaintenanceRow): Promise<void> {
    await statements.query(
      `INSERT INTO alerting.maintenance (id, draft, created_by, created_at) VALUES ($1, $2, $3, ${instant('$4')})
       ON CONFLICT (id) DO UPDATE SET draft = $2`,
      [id, clean(draft), createdBy, createdAt],
    );
  }

  /** Removes all windows. */
  async clearWindows(statements: Statements): Promise<void> {
    await statements.query('DELETE FROM alerting.maintenance');
  }

  /** Removes a window. Returns whether there was one. */
  async deleteWindow(id: string): Promise<boolean> {
    const { count } = await this.schema.query('maintenance.delete', 'DELETE FROM alerting.maintenance WHERE id = $1', [
      id,
    ]);
    return count > 0;
  }
}
