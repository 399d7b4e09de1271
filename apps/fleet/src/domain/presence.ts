/** What is known about the beats of an agent. Times in milliseconds since 1970. */
export interface Beats {
  /** When the last message of it came; null when none ever did. */
  lastSeenAt: number | null;
  /** Milliseconds between two beats. */
  intervalMs: number;
}

/** How long a beat may be late: the way over the network and through the stream. */
const TOLERANCE_MS = 1000;

/**
 * Whether an agent reports: `online` until it has missed a beat, `offline` after three, `stale` between.
 * @param listeningSince since when anybody has listened without a break: an agent that could not have been heard is not offline. Until two
 * intervals have passed since then, the worst is `stale`.
 */
export function presenceOf(
  { lastSeenAt, intervalMs }: Beats,
  now: number,
  listeningSince: number,
): 'online' | 'stale' | 'offline' {
  if (lastSeenAt === null) return 'offline';
  const missed = Math.floor((now - lastSeenAt - TOLERANCE_MS) / intervalMs);
  if (missed < 1) return 'online';
  const heardLongEnough = now - listeningSince > 2 * intervalMs + TOLERANCE_MS;
  return missed >= 3 && heardLongEnough ? 'offline' : 'stale';
}
