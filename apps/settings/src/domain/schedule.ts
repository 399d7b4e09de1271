const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** The hour of the day, UTC, at which what is past its time is deleted. */
const AT_HOUR = 3;
/** After so long one that failed is tried again. */
const AGAIN_MS = 900_000;
/** So long a cleanup may be due before somebody should know. */
const LATE_MS = 2 * HOUR_MS;

/** The last scheduled cleanup; instants in milliseconds since 1970. */
export interface LastCleanup {
  startedAt: number;
  hasFailed: boolean;
}

/**
 * The instant before which nothing is kept: so many days ago, cut to the full hour, so that a cleanup finds what a dry run within the same hour
 * counted. Milliseconds since 1970.
 */
export function cutoff(now: number, retentionDays: number): number {
  return Math.floor((now - retentionDays * DAY_MS) / HOUR_MS) * HOUR_MS;
}

/**
 * When the scheduled cleanup that is to come, or was missed, is due.
 * @param last the last one; null when there was none since Lapwing was set up.
 * @param setUpAt when Lapwing was set up.
 */
export function nextDue(last: LastCleanup | null, setUpAt: number): number {
  if (last?.hasFailed) return last.startedAt + AGAIN_MS;
  const since = last?.startedAt ?? setUpAt;
  const today = Math.floor(since / DAY_MS) * DAY_MS + AT_HOUR * HOUR_MS;
  return today > since ? today : today + DAY_MS;
}

/** Whether a cleanup that was due at an instant should have run by now. */
export function isLate(dueAt: number, now: number): boolean {
  return now > dueAt + LATE_MS;
}
