/** A target that cannot be reached is asked at least so often. */
export const MAX_WAIT_MS = 60_000;
/** One that does not accept the credentials is left alone for so long: some lock an account that keeps trying. */
export const REFUSED_WAIT_MS = 300_000;
/** Polls that fail before the pace slows down; before that, an outage of one poll should be over with the next. */
const PATIENT = 3;
const REFUSALS = 5;
const JITTER = 0.2;

/**
 * How long to wait before the next poll of a target, in milliseconds.
 * @param failures polls that failed in a row.
 * @param refused whether the last failed because of the credentials.
 * @param random from 0 to below 1: spreads those who wait, by a fifth at most.
 */
export function waitAfter(intervalMs: number, failures: number, refused: boolean, random: number): number {
  if (failures === 0) return intervalMs;
  const slowed = intervalMs * 2 ** Math.min(Math.max(failures - PATIENT, 0), 10);
  const wait = refused && failures >= REFUSALS ? REFUSED_WAIT_MS : Math.min(slowed, Math.max(MAX_WAIT_MS, intervalMs));
  return failures <= PATIENT ? wait : wait * (1 - JITTER + 2 * JITTER * random);
}
