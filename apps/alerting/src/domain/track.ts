import type { AlertLevel } from '@lapwing/contracts';

/** When a signal is in breach. */
export interface Rule {
  /** In breach at this value or beyond. */
  trigger: number;
  /** Fine again at this value or before it. */
  clear: number;
  /** Critical at this value or beyond; null where nothing is. */
  critical: number | null;
  /** −1 where small values are the bad ones. */
  sign: 1 | -1;
  /** For how long it must be in breach, by the times of samples, in milliseconds. */
  delayMs: number;
  /** In so many samples in a row. */
  confirmations: number;
}

/** How one signal of one resource stands; a signal that is fine has no track. Times in milliseconds since 1970, of samples. */
export interface Track {
  /** Null while the breach has not lasted long enough. */
  level: AlertLevel | null;
  /** The first sample in breach of this run. */
  since: number;
  /** Samples in breach in a row. */
  count: number;
  lastTime: number;
  lastValue: number;
  /** Between its last two samples while it waited, in milliseconds: what is looked at seldom has no holes for that. */
  gap: number;
  /** The readings that made it: while it waits all of the run, at most {@link MAX_SAMPLES}. */
  samples: [time: number, value: number][];
  /** Cleared by hand: it waits until its figure was fine once, or until then. */
  clearedUntil: number | null;
  /** By what an open one was judged last. */
  judgedBy: Bounds | null;
}

/** The figures of a rule. */
export type Bounds = Pick<Rule, 'trigger' | 'clear' | 'critical'>;

/** What a sample did. */
export type Verdict = 'fired' | 'level' | 'resolved' | null;

/** The readings that an alert keeps. */
export const MAX_SAMPLES = 40;
/** A run with a longer hole in it, twice as long as the one before, begins anew: of what happened meanwhile nobody knows. */
export const MAX_HOLE_MS = 300_000;

/**
 * Judges one reading.
 * @param track how the signal stood before it; undefined when it was fine.
 * @returns how it stands after it, and what that means. A reading that is not newer than the last changes nothing.
 */
export function judge(
  track: Track | undefined,
  rule: Rule,
  time: number,
  value: number,
): { track: Track | undefined; verdict: Verdict } {
  if (track && time <= track.lastTime) return { track, verdict: null };
  if (track?.clearedUntil != null) return judgeCleared(track, rule, time, value);
  return track?.level ? judgeOpen(track, track.level, rule, time, value) : judgeWaiting(track, rule, time, value);
}

/** Whether a value is at a threshold or beyond it. */
export const reaches = (value: number, threshold: number, sign: 1 | -1): boolean => sign * (value - threshold) >= 0;

function levelOf(value: number, { critical, sign }: Rule): AlertLevel {
  return critical !== null && reaches(value, critical, sign) ? 'critical' : 'warning';
}

function judgeWaiting(track: Track | undefined, rule: Rule, time: number, value: number) {
  if (!reaches(value, rule.trigger, rule.sign)) return { track: undefined, verdict: null };
  const gap = track ? time - track.lastTime : 0;
  const run = track && gap <= Math.max(MAX_HOLE_MS, 2 * track.gap) ? track : undefined;
  const next: Track = {
    level: null,
    since: run?.since ?? time,
    count: (run?.count ?? 0) + 1,
    lastTime: time,
    lastValue: value,
    gap,
    samples: [...(run?.samples ?? []), [time, value] satisfies [number, number]].slice(-MAX_SAMPLES),
    clearedUntil: null,
    judgedBy: null,
  };
  const isDue = time - next.since >= rule.delayMs && next.count >= rule.confirmations;
  if (!isDue) return { track: next, verdict: null };
  next.level = levelOf(value, rule);
  next.judgedBy = boundsOf(rule);
  return { track: next, verdict: 'fired' as const };
}

const boundsOf = ({ trigger, clear, critical }: Rule): Bounds => ({ trigger, clear, critical });

function judgeOpen(track: Track, level: AlertLevel, rule: Rule, time: number, value: number) {
  if (!reaches(value, rule.clear, rule.sign) || value === rule.clear)
    return { track: undefined, verdict: 'resolved' as const };
  const next = { ...track, lastTime: time, lastValue: value, level: levelWhileOpen(level, rule, value) };
  return { track: next, verdict: next.level === level ? null : ('level' as const) };
}

/** Critical falls back to warning only when it is as far below as `clear` is below `trigger`. */
function levelWhileOpen(level: AlertLevel, rule: Rule, value: number): AlertLevel {
  const { critical, trigger, clear, sign } = rule;
  if (critical === null || level === 'warning') return levelOf(value, rule);
  return reaches(value, critical - (trigger - clear), sign) ? 'critical' : 'warning';
}

function judgeCleared(track: Track, rule: Rule, time: number, value: number) {
  const isFine = !reaches(value, rule.clear, rule.sign) || value === rule.clear;
  if (isFine) return { track: undefined, verdict: null };
  if (time < (track.clearedUntil ?? 0)) return { track: { ...track, lastTime: time, lastValue: value }, verdict: null };
  return judgeWaiting(undefined, rule, time, value);
}

/**
 * How something stands when rules may have changed. What is open is judged by its newest value, at once, unless its own rule is as it was: then
 * the hysteresis holds. What waits has been in breach of the new rule only since its last sample that was not.
 */
export function rejudge(track: Track, rule: Rule | null): { track: Track | undefined; verdict: Verdict } {
  if (rule === null) return { track: undefined, verdict: track.level ? 'resolved' : null };
  if (track.clearedUntil !== null) return { track, verdict: null };
  if (track.level === null) return { track: inBreachOf(track, rule), verdict: null };
  if (isJudgedBy(track, rule)) return { track, verdict: null };
  // What lies below the new trigger would not have fired, whatever the hysteresis says.
  if (!reaches(track.lastValue, rule.trigger, rule.sign)) return { track: undefined, verdict: 'resolved' };
  const level = levelOf(track.lastValue, rule);
  return { track: { ...track, level, judgedBy: boundsOf(rule) }, verdict: level === track.level ? null : 'level' };
}

const isJudgedBy = ({ judgedBy }: Track, { trigger, clear, critical }: Rule): boolean =>
  judgedBy?.trigger === trigger && judgedBy.clear === clear && judgedBy.critical === critical;

/** What is left of a run that waits: as a rule all of it. */
function inBreachOf(track: Track, { trigger, sign }: Rule): Track | undefined {
  const last = track.samples.findLastIndex(([, value]) => !reaches(value, trigger, sign));
  if (last === -1) return track;
  const samples = track.samples.slice(last + 1);
  const [first] = samples;
  return first && { ...track, since: first[0], count: samples.length, samples };
}

/**
 * How much an alert matters, 0–100 (contract-notes C9): a warning between trigger and critical lies at 30 to 84, what is critical at 85 to 100.
 * @param most the worst value there can be, where there is one.
 */
export function scoreOf(level: AlertLevel, rule: Rule, value: number, most: number): number {
  const { trigger, critical } = rule;
  const share = (from: number, to: number): number =>
    to === from ? 0 : Math.min(1, Math.max(0, (value - from) / (to - from)));
  if (level === 'critical') return Math.round(85 + 15 * share(critical ?? trigger, most));
  return Math.round(30 + 54 * share(trigger, critical ?? most));
}
