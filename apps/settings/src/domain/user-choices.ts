import type { SystemSettings, UserSettingChanges, UserSettings } from '@lapwing/contracts';

/** What a user has chosen; what is missing is as the system has it. */
export type UserChoices = Partial<UserSettings>;

type Choices = UserSettings['display'];

/** Changes laid over earlier choices: `null` takes one back, and the two that are objects are merged key by key. */
export function mergeChoices(before: UserChoices, changes: UserSettingChanges): UserChoices {
  const { theme, refreshInterval, dashboardLayout, display } = changes;
  return withoutNothing({
    theme: theme === undefined ? before.theme : (theme ?? undefined),
    refreshInterval: refreshInterval === undefined ? before.refreshInterval : (refreshInterval ?? undefined),
    dashboardLayout: mergeKeys(before.dashboardLayout, dashboardLayout),
    display: mergeKeys(before.display, display),
  });
}

/** A user's settings: what he has chosen, and else what the system has. */
export function userSettingsOf(choices: UserChoices, { theme, refreshInterval }: SystemSettings): UserSettings {
  return { theme, refreshInterval, dashboardLayout: {}, display: {}, ...choices };
}

function mergeKeys(before: Choices | undefined, changes: Choices | null | undefined): Choices | undefined {
  if (changes === undefined) return before;
  if (changes === null) return undefined;
  const kept = Object.entries({ ...before, ...changes }).filter(([, value]) => value !== null);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function withoutNothing(choices: { [K in keyof UserChoices]: UserChoices[K] | undefined }): UserChoices {
  return Object.fromEntries(Object.entries(choices).filter(([, value]) => value !== undefined)) as UserChoices;
}
