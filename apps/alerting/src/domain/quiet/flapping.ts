import type { AlertConfig } from '@lapwing/contracts';

/** When a signal that comes and goes is no longer told of. */
export type FlapRule = AlertConfig['flapping'];

/** What is remembered of a signal. Times in milliseconds since 1970. */
export interface FlapState {
  /** The newest changes within the window, oldest first; never more than the threshold. */
  changes: number[];
  /** Until when nothing is told; null, or past, when it is. */
  mutedUntil: number | null;
}

/** What nothing is remembered of. */
export const steady: FlapState = { changes: [], mutedUntil: null };

/**
 * What is remembered after a signal fired or was resolved at `at` (milliseconds since 1970). It is muted when `threshold` changes lie within the
 * window, and each further change while it is muted prolongs that. A rule that is switched off forgets.
 */
export function noteChange(state: FlapState, at: number, rule: FlapRule): FlapState {
  if (!rule.enabled) return steady;
  const windowMs = rule.windowSeconds * 1000;
  // On either side: clocks are put right, and what lies far ahead must not count for ever.
  const within = [...state.changes, at].filter((one) => Math.abs(at - one) < windowMs || one === at);
  const changes = within.toSorted((a, b) => a - b).slice(-Math.max(1, rule.threshold));
  if (changes.length < rule.threshold && !isFlapping(state, at)) return { changes, mutedUntil: null };
  return { changes, mutedUntil: Math.max(state.mutedUntil ?? 0, at + rule.cooldownMinutes * 60_000) };
}

/** Whether a signal is muted at `at` (milliseconds since 1970). */
export const isFlapping = ({ mutedUntil }: FlapState, at: number): boolean => mutedUntil !== null && at < mutedUntil;
