import type { AlertLevel, AlertResource } from '@lapwing/contracts';
import { alertIdOf } from './reading.js';
import { hostResource, filesystemResource } from './readings/host.js';
import type { Signal } from './signals.js';
import { judge, reaches, type Rule, type Track } from './track.js';

/** Buckets of a roll-up in order: when each begins (milliseconds since 1970), its least and greatest in the figure's unit. */
export interface Buckets {
  at: readonly number[];
  low: readonly number[];
  high: readonly number[];
  /** How long each is; the last is that of all that follow. */
  widthMs: readonly number[];
}

/** What is known of one figure of one host: the buckets that matter, and longer ones in which a breach that is open by then stays as it is. */
export interface Series {
  buckets: Buckets;
  calm: Buckets;
}

/** An alert as it would have been. Times in milliseconds since 1970. */
export interface ReplayedAlert {
  id: string;
  resource: AlertResource;
  signal: Signal;
  /** The worst that it was. */
  level: AlertLevel;
  startedAt: number;
  firedAt: number;
  resolvedAt: number | null;
  /** The worst value, the readings before it fired included. */
  peak: number;
  /** Why nobody would have been told; empty when somebody would. */
  quiet: string;
}

/** Something that would have happened to an alert. */
export interface ReplayedChange {
  kind: 'fired' | 'level' | 'resolved';
  at: number;
  /** How bad it is from then on. */
  level: AlertLevel;
  alert: ReplayedAlert;
}

/** What is judged. */
export interface Judged {
  resource: AlertResource;
  signal: Signal;
  rule: Rule;
}

/** How many buckets are judged before others get their turn. */
const SLICE = 1000;
/** A second before a bucket ends: the last instant of it that a sample can have, as far as a roll-up tells. */
const BEFORE_END_MS = 1000;

/** What a figure in the roll-ups of a host is about: the host, or for `disk` its root file system. */
export function replayedResource(agentId: string, signal: Signal): AlertResource {
  const host = hostResource({ agentId, parents: [] }, agentId);
  return signal === 'disk' ? filesystemResource(host, '/') : host;
}

/**
 * Judges the figures of a host as they came. A bucket is two readings: its greatest when it begins, its least a second before it ends; so that any
 * spike fires where there is no delay, and where there is one a breach must hold over all samples of that time.
 * @returns what would have happened, in order; null when holes keep a breach from being open in a time of which only the ends are known: then
 * it must be judged by buckets alone. Yields now and then.
 */
export function* replaySeries(about: Judged, { buckets, calm }: Series): Generator<void, ReplayedChange[] | null> {
  const course = new Course(about);
  let passed = 0;
  for (let index = 0; index <= buckets.at.length; index++) {
    const before = buckets.at[index] ?? Number.POSITIVE_INFINITY;
    for (; (calm.at[passed] ?? Number.POSITIVE_INFINITY) < before; passed++)
      if (!course.calm(calm, passed)) return null;
    if (index < buckets.at.length) course.bucket(buckets, index);
    if (index % SLICE === SLICE - 1) yield;
  }
  return course.changes;
}

/** One figure of one host on its way through time. */
class Course {
  readonly changes: ReplayedChange[] = [];
  #track: Track | undefined;
  #alert: ReplayedAlert | undefined;
  #peak = 0;

  constructor(private readonly about: Judged) {}

  bucket({ at, low, high, widthMs }: Buckets, index: number): void {
    const begin = at[index] ?? 0;
    this.#read(begin, high[index] ?? 0);
    this.#read(begin + (widthMs[index] ?? widthMs.at(-1) ?? 0) - BEFORE_END_MS, low[index] ?? 0);
  }

  /** Returns whether its ends were enough to judge it. */
  calm(calm: Buckets, index: number): boolean {
    const { trigger, sign } = this.about.rule;
    if (!this.#track?.level && reaches(calm.high[index] ?? 0, trigger, sign)) return false;
    this.bucket(calm, index);
    return true;
  }

  #read(time: number, value: number): void {
    const { track, verdict } = judge(this.#track, this.about.rule, time, value);
    const isAnew = track !== undefined && track.since !== this.#track?.since;
    this.#peak = isAnew ? value : Math.max(this.#peak, value);
    this.#track = track;
    if (verdict === 'fired' && track) this.#fire(track, time);
    if (!this.#alert) return;
    if (track) this.#alert.peak = this.#peak;
    if (verdict === 'level' && track?.level) this.#change('level', time, track.level, this.#alert);
    if (verdict === 'resolved') this.#resolve(time, this.#alert);
  }

  #fire({ since, level }: Track, time: number): void {
    const { resource, signal } = this.about;
    this.#alert = {
      id: alertIdOf(resource, signal),
      resource,
      signal,
      level: level ?? 'warning',
      startedAt: since,
      firedAt: time,
      resolvedAt: null,
      peak: this.#peak,
      quiet: '',
    };
    this.#change('fired', time, this.#alert.level, this.#alert);
  }

  #resolve(time: number, alert: ReplayedAlert): void {
    alert.resolvedAt = time;
    this.#change('resolved', time, this.changes.at(-1)?.level ?? alert.level, alert);
    this.#alert = undefined;
  }

  #change(kind: ReplayedChange['kind'], at: number, level: AlertLevel, alert: ReplayedAlert): void {
    if (level === 'critical') alert.level = level;
    this.changes.push({ kind, at, level, alert });
  }
}

const MINUTE_MS = 60_000;

/** Puts what happened to many alerts into the order of time. */
export class Timeline {
  readonly #minutes = new Map<number, ReplayedChange[]>();

  /** Notes what happened to one of them. */
  add(changes: readonly ReplayedChange[]): void {
    for (const change of changes) {
      const minute = Math.floor(change.at / MINUTE_MS);
      const known = this.#minutes.get(minute);
      if (known) known.push(change);
      else this.#minutes.set(minute, [change]);
    }
  }

  /** Everything, the oldest first, a minute at a time; what happened at the same instant in the order of the alerts' ids. */
  *inOrder(): Generator<ReplayedChange[]> {
    for (const minute of [...this.#minutes.keys()].toSorted((a, b) => a - b))
      yield (this.#minutes.get(minute) ?? []).toSorted(
        (a, b) => a.at - b.at || (a.alert.id < b.alert.id ? -1 : Number(a.alert.id > b.alert.id)),
      );
  }
}
