/** What a breaker remembers of one endpoint. Times in milliseconds by a monotonic clock. */
export interface Breaker {
  failures: number;
  openedAt: number | null;
}

/** A breaker that lets everything through. */
export const closed: Breaker = { failures: 0, openedAt: null };

/** So many failures in a row open a breaker. */
const THRESHOLD = 3;
/** So long an open breaker lets nothing through; then one attempt shows whether it closes. */
export const OPEN_MS = 30_000;

/** Whether an attempt may be made: the breaker is closed, or it is time to look again. */
export function admits({ openedAt }: Breaker, now: number): boolean {
  return openedAt === null || now - openedAt >= OPEN_MS;
}

/** After a failure: opens at the third in a row, and stays open for its while after each attempt that fails. */
export function failed({ failures }: Breaker, now: number): Breaker {
  const count = failures + 1;
  return { failures: count, openedAt: count >= THRESHOLD ? now : null };
}
