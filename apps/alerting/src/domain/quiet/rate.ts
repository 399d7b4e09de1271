/** How often somebody may be told of one alert. */
export interface RateLimits {
  /** Between two messages; 0: no matter. */
  cooldownMinutes: number;
  /** In any 60 minutes, at most {@link MAX_PER_HOUR}; 0: no matter. */
  maxPerHour: number;
}

/** What is remembered of what was told. */
export interface RateState {
  /** Milliseconds since 1970, oldest first; no more than limits need, and always the newest. */
  sent: number[];
}

/** Whether somebody may be told; if not, why, and from when on (milliseconds since 1970). */
export type Permission = { ok: true } | { ok: false; why: 'cooldown' | 'hourly cap'; until: number };

/** The highest cap: nobody reads more, and each is remembered. */
export const MAX_PER_HOUR = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What nothing was told of. */
export const nothingTold: RateState = { sent: [] };

/** Whether somebody may be told of an alert at `at` (milliseconds since 1970). Where both limits say no, the one that does so for longer. */
export function mayTell({ sent }: RateState, at: number, { cooldownMinutes, maxPerHour }: RateLimits): Permission {
  const cooldownMs = cooldownMinutes * MINUTE_MS;
  const last = near(sent, at, cooldownMs).at(-1);
  const cap = Math.min(maxPerHour, MAX_PER_HOUR);
  // As long as this one is less than an hour old, the cap is reached.
  const counted = cap > 0 ? near(sent, at, HOUR_MS).at(-cap) : undefined;
  const coolAt = last === undefined ? at : last + cooldownMs;
  const freeAt = counted === undefined ? at : counted + HOUR_MS;
  if (coolAt <= at && freeAt <= at) return { ok: true };
  return coolAt >= freeAt
    ? { ok: false, why: 'cooldown', until: coolAt }
    : { ok: false, why: 'hourly cap', until: freeAt };
}

/** What is remembered after somebody was told at `at` (milliseconds since 1970). */
export function noteTold({ sent }: RateState, at: number, { maxPerHour }: RateLimits): RateState {
  const cap = Math.max(1, Math.min(maxPerHour, MAX_PER_HOUR));
  const recent = [...near(sent, at, HOUR_MS), at].toSorted((a, b) => a - b);
  return { sent: recent.slice(-cap) };
}

/** Those less than `ms` away on either side: clocks are put right, and what lies far ahead must not keep us silent till then. */
const near = (sent: readonly number[], at: number, ms: number): number[] =>
  sent.filter((one) => Math.abs(at - one) < ms);
