import { z } from 'zod';
import { request } from './define.js';
import { isKeepable } from './keepable.js';
import { RefreshInterval, Theme } from './settings.js';

/** The most bytes of JSON that one user's settings may take. */
export const MAX_USER_SETTINGS_BYTES = 65_536;

const MAX_DEPTH = 32;

/** Whose settings they are: `user:<id>`, `token:<id>`, or `anonymous` for all without a credential. */
export const SettingsOwner = z.string().regex(/^(user|token):[A-Za-z0-9_-]{1,64}$|^anonymous$/);

/** JSON that can be kept: not deeper than {@link MAX_DEPTH}, without U+0000 and halves of surrogate pairs. */
function isKeepableJson(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return isKeepable(value);
  if (value === null || typeof value !== 'object') return true;
  return (
    depth < MAX_DEPTH &&
    Object.entries(value).every(([key, part]) => isKeepable(key) && isKeepableJson(part, depth + 1))
  );
}

const Choice = z
  .unknown()
  .refine(
    (value) => isKeepableJson(value),
    `JSON of at most ${MAX_DEPTH} levels, without U+0000 and halves of surrogate pairs`,
  );
const Choices = z.record(z.string().min(1).max(128), Choice);

/** How one user wants to see things. */
export const UserSettings = z.object({
  theme: Theme,
  /** Seconds between refreshes of what is shown. */
  refreshInterval: RefreshInterval,
  /** The dashboard's own: where its parts stand. */
  dashboardLayout: Choices,
  /** The dashboard's own: which columns, units and the like. */
  display: Choices,
});
/** See {@link UserSettings}. */
export type UserSettings = z.infer<typeof UserSettings>;

/** Reads a user's settings; what he has not chosen is as the system has it. */
export const usersettingsGet = request('req.settings.user.get.v1', {
  input: z.object({ owner: SettingsOwner }),
  output: UserSettings,
});

/** What a user may change: `null` takes a choice back. In `dashboardLayout` and `display` each key is a choice of its own. */
export const UserSettingChanges = z.object({
  theme: Theme.nullable().optional(),
  refreshInterval: RefreshInterval.nullable().optional(),
  dashboardLayout: Choices.nullable().optional(),
  display: Choices.nullable().optional(),
});
/** See {@link UserSettingChanges}. */
export type UserSettingChanges = z.infer<typeof UserSettingChanges>;

/** Changes some of them, and answers with all. Fails with `TOO_LARGE` beyond {@link MAX_USER_SETTINGS_BYTES}. */
export const usersettingsUpdate = request('req.settings.user.update.v1', {
  input: z.object({ owner: SettingsOwner, changes: UserSettingChanges }),
  output: UserSettings,
});
