import type { Matcher, SilenceDraft, matcherNames } from '@lapwing/contracts';
import { matchesGlob } from './glob.js';

/** What conditions are held against: an alert's own values, empty where it has none. */
export type Subject = Record<(typeof matcherNames)[number], string>;

/** Alerts that nobody is told about for a while. */
export type Silence = SilenceDraft & { id: string; createdBy: string; createdAt: number };

/** Whether all conditions hold. None at all hold for nothing: an empty list must not silence everything. */
export const matches = (matchers: readonly Matcher[], subject: Subject): boolean =>
  matchers.length > 0 && matchers.every((one) => holds(one, subject[one.name]));

function holds({ op, value }: Matcher, given: string): boolean {
  if (op === '=') return given === value;
  if (op === '!=') return given !== value;
  return matchesGlob(value, given) === (op === '~');
}

/** Where a silence stands at `at` (milliseconds since 1970). One that ends before it starts is expired. */
export function silenceStatus({ startsAt, endsAt }: Silence, at: number): 'pending' | 'active' | 'expired' {
  if (at >= endsAt || endsAt <= startsAt) return 'expired';
  return at < startsAt ? 'pending' : 'active';
}

/** The active silence that covers an alert, of several the one that ends last; undefined when there is none. */
export function silencing(silences: readonly Silence[], subject: Subject, at: number): Silence | undefined {
  const covering = silences.filter((one) => silenceStatus(one, at) === 'active' && matches(one.matchers, subject));
  return covering.reduce<Silence | undefined>(
    (last, one) => (last && last.endsAt >= one.endsAt ? last : one),
    undefined,
  );
}
