/** Seconds until the next attempt, after each of those before it. */
const BACK_OFF_S = [5, 15, 60, 300, 900, 1800, 3600, 3600];
/** Nobody may ask for more patience than this. */
const LONGEST_MS = 6 * 3_600_000;

/**
 * When a message is to be tried again, milliseconds since 1970; null when there is no sense in it, or it was tried often enough.
 * @param attempt the number of the attempt that failed, from 1.
 */
export function retryAt(
  { retryable, retryAfterMs }: { retryable: boolean; retryAfterMs?: number },
  attempt: number,
  now: number,
): number | null {
  const seconds = BACK_OFF_S[attempt - 1];
  if (!retryable || seconds === undefined) return null;
  return now + Math.min(LONGEST_MS, Math.max(seconds * 1000, retryAfterMs ?? 0));
}
