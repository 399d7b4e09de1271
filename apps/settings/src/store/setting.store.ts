import { LapwingError, type SettingChanges, type SettingName, type TunableSettings } from '@lapwing/contracts';
import type { Schema, Statements } from '@lapwing/postgres';
import { differencesOf, settingsOf, type Difference } from '../domain/stored.js';

/** The settings as they are kept. */
export interface Stored {
  settings: TunableSettings;
  revision: number;
}

/** What a change did. */
export interface Written extends Stored {
  changed: Partial<Record<SettingName, Difference>>;
}

/** Keeps the system's settings, a row each, and counts their changes. */
export class SettingStore {
  constructor(private readonly schema: Schema) {}

  /** All settings, at one instant. */
  async read(statements: Statements = this.schema.plain('setting.read')): Promise<Stored> {
    const { rows } = await statements.query<{ revision: number; settings: { name: string; value: unknown }[] }>(
      `SELECT revision, coalesce((SELECT jsonb_agg(jsonb_build_object('name', name, 'value', value)) FROM settings.setting), '[]') AS settings
       FROM settings.revision`,
    );
    return { settings: settingsOf(rows[0]?.settings ?? []), revision: rows[0]?.revision ?? 0 };
  }

  /**
   * Sets some, all of them or none; one change after the other.
   * @throws LapwingError `PRECONDITION_FAILED` when `ifRevision` is not the revision any more.
   */
  write(changes: SettingChanges, ifRevision?: number): Promise<Written> {
    return this.schema.transaction('setting.write', (transaction) => this.writeIn(transaction, changes, ifRevision));
  }

  /** As {@link write}, within a transaction. */
  async writeIn(statements: Statements, changes: SettingChanges, ifRevision?: number): Promise<Written> {
    await statements.query('SELECT FROM settings.revision FOR UPDATE');
    const before = await this.read(statements);
    if (ifRevision !== undefined && ifRevision !== before.revision)
      throw new LapwingError('PRECONDITION_FAILED', undefined, { revision: before.revision });
    const changed = differencesOf(before.settings, changes);
    const values = Object.fromEntries(Object.entries(changed).map(([name, { to }]) => [name, to]));
    if (Object.keys(values).length === 0) return { ...before, changed };
    await statements.query(
      `INSERT INTO settings.setting (name, value) SELECT key, value FROM jsonb_each($1::jsonb)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now()`,
      [JSON.stringify(values)],
    );
    await statements.query('UPDATE settings.revision SET revision = revision + 1');
    return { ...(await this.read(statements)), changed };
  }
}
