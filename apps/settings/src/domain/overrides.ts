import { SettingChanges, SettingName, type TunableSettings } from '@lapwing/contracts';

/** Settings that the environment can hold fast, each as text. Mock mode is switched while the system runs. */
export const overridable = SettingName.exclude(['mockMode']).options;
/** One of {@link overridable}. */
export type Overridable = (typeof overridable)[number];

/** The variable that holds a setting fast, e.g. `SETTINGS_RETENTION_DAYS` for `retentionDays`. */
export function variableOf(name: Overridable): string {
  return `SETTINGS_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** A setting out of the text of its variable. Throws `TypeError` that says what is allowed. */
export function parseOverride(name: Overridable, text: string): unknown {
  const candidates = [
    text,
    Number(text),
    { true: true, false: false }[text],
    text.split(',').map((item) => item.trim()),
  ];
  for (const candidate of candidates) {
    const found = SettingChanges.safeParse({ [name]: candidate });
    if (candidate !== undefined && found.success) return found.data[name];
  }
  const wrong = SettingChanges.safeParse({ [name]: Number.isNaN(Number(text)) ? text : Number(text) });
  throw new TypeError(wrong.error?.issues[0]?.message ?? 'not allowed');
}

/** What the environment holds fast. */
export type Overrides = Partial<TunableSettings>;
