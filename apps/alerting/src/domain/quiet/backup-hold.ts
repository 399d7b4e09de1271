/** The signals that a backup disturbs. Not `usage`: a disk that fills up does so for good. */
export const heldSignals: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'diskRead',
  'diskWrite',
  'networkIn',
  'networkOut',
  'powered-off',
]);

/** What is known of the backups of a guest. Times in milliseconds since 1970. */
export interface BackupSituation {
  /** The backup that runs; null when none does. */
  running: { startedAt: number } | null;
  at: number;
  /** How long its backups take, see {@link usualDuration}; null when nobody knows. */
  usualSeconds: number | null;
  /** The longest that a backup may hold signals, in minutes; 0: not at all. */
  capMinutes: number;
}

const MINUTE_MS = 60_000;
const USUAL_TIMES = 2;
const LEAST_MS = 10 * MINUTE_MS;
/** By how much the clock of a node may be ahead. */
const SKEW_MS = 5 * MINUTE_MS;
const MAX_DURATIONS = 10;

/**
 * Until when {@link heldSignals} of a guest are held (milliseconds since 1970); null when they are told. A backup holds them for twice its usual
 * duration, ten minutes at least, and never longer than the cap: one that hangs must not hide for ever what else is wrong.
 */
export function backupHold({ running, at, usualSeconds, capMinutes }: BackupSituation): number | null {
  if (!running || running.startedAt > at + SKEW_MS) return null;
  const capMs = capMinutes * MINUTE_MS;
  const usualMs = usualSeconds === null ? capMs : Math.max(USUAL_TIMES * usualSeconds * 1000, LEAST_MS);
  const until = running.startedAt + Math.min(usualMs, capMs);
  return until > at ? until : null;
}

/** The median of the last ten durations, oldest first; null when there is none. One backup that hung does not move it. */
export function usualDuration(durations: readonly number[]): number | null {
  const sorted = durations.slice(-MAX_DURATIONS).toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
