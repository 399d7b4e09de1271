import { matchesGlob } from './glob.js';

/** What an alert can be told by. */
export const matcherNames = [
  'alertId',
  'type',
  'level',
  'resourceId',
  'resourceName',
  'resourceType',
  'node',
  'instance',
] as const;
/** One of {@link matcherNames}. */
export type MatcherName = (typeof matcherNames)[number];

/** `=` and `!=` compare exactly; `~` and `!~` with a pattern of `*` and `?`, upper and lower case alike. */
export const matcherOps = ['=', '!=', '~', '!~'] as const;
/** One of {@link matcherOps}. */
export type MatcherOp = (typeof matcherOps)[number];

/** One condition. */
export interface Matcher {
  name: MatcherName;
  op: MatcherOp;
  value: string;
}

/** What conditions are held against: an alert's own values, empty where it has none. */
export type Subject = Record<MatcherName, string>;

/** Alerts that nobody is told about for a while. Times in milliseconds since 1970. */
export interface Silence {
  id: string;
  matchers: Matcher[];
  /** The first instant of it. */
  startsAt: number;
  /** The first instant after it. */
  endsAt: number;
  createdBy: string;
  comment: string;
  createdAt: number;
}

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
