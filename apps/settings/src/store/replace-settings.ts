import { SettingName, type TunableSettings } from '@lapwing/contracts';
import type { Statements } from '@lapwing/postgres';

/** Has these settings instead of those that were set, within somebody's transaction: what is not given has its default again. */
export type ReplaceSettings = (statements: Statements, settings: Partial<TunableSettings>) => Promise<void>;

/** Writes them as rows of `settings.setting`. */
export const replaceSettings: ReplaceSettings = async (statements, settings) => {
  await statements.query('DELETE FROM settings.setting WHERE name = ANY($1::text[]) AND NOT name = ANY($2::text[])', [
    SettingName.options,
    Object.keys(settings),
  ]);
  await statements.query(
    `INSERT INTO settings.setting (name, value) SELECT key, value FROM jsonb_each($1::jsonb)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = now()`,
    [JSON.stringify(settings)],
  );
};
