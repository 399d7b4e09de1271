import { defaultSystemSettings, type SystemSettings } from '@lapwing/contracts';
import type { Migrations, Postgres } from '@lapwing/postgres';
import { LapwingError } from '@lapwing/contracts';

/** Keeps the system's settings, a row each. */
export class SettingStore {
  constructor(
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
  ) {}

  /** All settings; what was never set has its default. */
  async read(): Promise<SystemSettings> {
    this.#wantTables();
    const { rows } = await this.postgres.query<{ name: string; value: unknown }>(
      'setting.select',
      'SELECT name, value FROM settings.setting',
    );
    return {
      ...defaultSystemSettings,
      ...(Object.fromEntries(rows.map((row) => [row.name, row.value])) as Partial<SystemSettings>),
    };
  }

  /** Sets some, all of them or none, and reads them back. */
  async write(settings: Partial<SystemSettings>): Promise<SystemSettings> {
    this.#wantTables();
    await this.postgres.query(
      'setting.upsert',
      `INSERT INTO settings.setting (name, value) SELECT key, value FROM jsonb_each($1::jsonb)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now()`,
      [JSON.stringify(settings)],
    );
    return this.read();
  }

  #wantTables(): void {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
  }
}
