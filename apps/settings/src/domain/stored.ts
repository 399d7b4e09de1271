import { SettingChanges, SettingName, defaultSystemSettings, type TunableSettings } from '@lapwing/contracts';

/** One setting as it was before and is now. */
export interface Difference {
  from: unknown;
  to: unknown;
}

/** What differs, by the names of settings. */
export type SettingDifferences = Partial<Record<SettingName, Difference>>;

const { revision: _revision, overridden: _overridden, ...defaults } = defaultSystemSettings;

/**
 * The settings out of their rows. What was never set has its default, and so has what is kept in a form that this version does not know (a newer
 * one wrote it).
 */
export function settingsOf(rows: readonly { name: string; value: unknown }[]): TunableSettings {
  const settings: Partial<Record<SettingName, unknown>> = { ...defaults };
  for (const { name, value } of rows) {
    const known = SettingName.safeParse(name);
    const found = known.success ? SettingChanges.safeParse({ [name]: value }) : undefined;
    if (known.success && found?.success) settings[known.data] = found.data[known.data];
  }
  return settings as TunableSettings;
}

/** What a change would really change, by name. */
export function differencesOf(before: TunableSettings, changes: SettingChanges): SettingDifferences {
  const all = Object.entries(changes) as [SettingName, unknown][];
  return Object.fromEntries(
    all
      .filter(([name, value]) => value !== undefined && canonical(value) !== canonical(before[name]))
      .map(([name, to]) => [name, { from: before[name], to }]),
  );
}

/** JSON with the keys in order: the database keeps them in an order of its own. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
