import type { AlertConfig, AlertLevel, AlertResource, Resolution } from '@lapwing/contracts';
import { describeBreach, describeWhy } from './describe.js';
import { alertIdOf, type Look, type Reading } from './reading.js';
import type { Passage } from './pipeline/passage.js';
import { ruleFor } from './rules.js';
import { signals, type Signal } from './signals.js';
import { judge, rejudge, scoreOf, type Rule, type Track, type Verdict } from './track.js';

/** A track with what it is about. */
export interface Tracked {
  alertId: string;
  scope: string;
  resource: AlertResource;
  signal: Signal;
  detail: string;
  track: Track;
}

/** An open alert with what is to be said of it at its newest value. */
export interface Reread extends Tracked {
  message: string;
  score: number;
}

/** What came of a look at something: an alert begins, is of another level, or ends. */
export interface Change {
  kind: 'fired' | 'level' | 'resolved';
  alertId: string;
  scope: string;
  resource: AlertResource;
  signal: Signal;
  level: AlertLevel;
  value: number;
  threshold: number;
  clearThreshold: number;
  unit: string;
  score: number;
  message: string;
  detail: string;
  why: string;
  /** When the breach began. */
  startedAt: number;
  /** The time of the sample that made the change. */
  at: number;
  samples: [time: number, value: number][];
  resolution: Resolution | null;
  /** How it stands from now on; undefined when it is over. */
  track: Track | undefined;
  /** When what made it passed the first stages, where that is measured. */
  passage?: Passage;
}

/** All that an engine knows, as it is kept between two runs. */
export interface EngineState {
  /** The newest look of each scope. */
  seen: [scope: string, time: number][];
  /** What waits for its delay or was cleared by hand; what is open is kept with its alert. */
  waiting: Tracked[];
}

const MAX_RULES = 200_000;

const isOpen = ({ level, clearedUntil }: Track): boolean => level !== null && clearedUntil === null;

/**
 * Judges what is seen of a part of all resources: in the order of samples, each once, without a clock. The same looks in the same order give
 * the same changes, whenever and wherever they are judged.
 */
export class Engine {
  readonly #seen = new Map<string, number>();
  readonly #tracks = new Map<string, Tracked>();
  /** The alerts of a scope, so that what is missing in a look is found without a search. */
  readonly #scopes = new Map<string, Set<string>>();
  readonly #rules = new Map<string, Rule | null>();
  /** Open alerts with a newer value than the one that is kept. */
  readonly #reread = new Set<string>();

  constructor(
    private config: AlertConfig,
    state: EngineState = { seen: [], waiting: [] },
    open: readonly Tracked[] = [],
  ) {
    for (const [scope, time] of state.seen) this.#seen.set(scope, time);
    for (const tracked of [...state.waiting, ...open]) this.#put(tracked);
  }

  /** What must be kept so that another engine can go on where this one is, beside the open alerts. */
  state(): EngineState {
    const waiting = [...this.#tracks.values()].filter(({ track }) => !isOpen(track));
    return { seen: [...this.#seen], waiting };
  }

  /** What is open and was read since this was asked last. */
  changedOpen(): Reread[] {
    const changed = [...this.#reread].flatMap((alertId) => this.#tracks.get(alertId) ?? []);
    this.#reread.clear();
    return changed
      .filter(({ track }) => isOpen(track))
      .map((tracked) => {
        const rule = this.#rule(tracked.alertId, tracked.resource, tracked.signal);
        const { message, score } = standingOf(tracked, rule, tracked.track.lastValue);
        return { ...tracked, message, score };
      });
  }

  /** How many alerts are open. */
  get openCount(): number {
    let count = 0;
    for (const { track } of this.#tracks.values()) if (isOpen(track)) count++;
    return count;
  }

  /**
   * Judges a look. One that is not newer than the last of its scope changes nothing: the past never fires again.
   * @param missingAre how alerts end whose signals are missing in it.
   */
  look({ scope, time, readings, partly }: Look, missingAre: Resolution = 'removed'): Change[] {
    if (!this.isNews(scope, time)) return [];
    this.#seen.set(scope, time);
    const changes: Change[] = [];
    const missing = new Set(this.#scopes.get(scope));
    for (const [alertId, reading] of this.#worst(readings)) {
      missing.delete(alertId);
      const change = this.#read(alertId, scope, reading, time);
      if (change) changes.push(change);
    }
    for (const alertId of missing) {
      const parents = this.#tracks.get(alertId)?.resource.parents ?? [];
      if (!partly || !parents.some((id) => partly.has(id))) changes.push(...this.#end(alertId, time, missingAre));
    }
    return changes;
  }

  /** Forgets a scope whose things are gone, or about which nobody wants to know: what was open of it is over. */
  forget(scope: string, time: number, resolution: Resolution = 'removed'): Change[] {
    const changes = [...(this.#scopes.get(scope) ?? [])].flatMap((alertId) => this.#end(alertId, time, resolution));
    this.#seen.delete(scope);
    return changes;
  }

  /** Forgets the things of a scope that are parts of something that is gone since an instant: what was seen of them later stays. */
  forgetPartsOf(instance: string, scope: string, time: number): Change[] {
    return this.tracked(scope)
      .filter(({ resource, track }) => resource.instance === instance && track.lastTime <= time)
      .flatMap(({ alertId }) => this.#end(alertId, time, 'removed'));
  }

  /** What of a scope is open or waits. */
  tracked(scope: string): Tracked[] {
    return [...(this.#scopes.get(scope) ?? [])].flatMap((alertId) => this.#tracks.get(alertId) ?? []);
  }

  /** Whether a look of a scope at an instant is newer than all that was judged of it. */
  isNews(scope: string, time: number): boolean {
    return time > (this.#seen.get(scope) ?? 0);
  }

  /** Whether anything of a scope is open or waits. */
  hasTracks(scope: string): boolean {
    return this.#scopes.has(scope);
  }

  /** Whether anything of a scope was judged before. */
  hasSeen(scope: string): boolean {
    return this.#seen.has(scope);
  }

  /** The scopes that begin so. */
  scopes(prefix: string): string[] {
    return [...new Set([...this.#seen.keys(), ...this.#scopes.keys()])].filter((scope) => scope.startsWith(prefix));
  }

  /** Judges anew what is open, by rules that have changed. */
  configure(config: AlertConfig, time: number): Change[] {
    this.config = config;
    this.#rules.clear();
    const changes: Change[] = [];
    for (const tracked of Array.from(this.#tracks.values())) {
      const { alertId, resource, signal, track } = tracked;
      const rule = this.#rule(alertId, resource, signal);
      const { track: next, verdict } = rejudge(track, rule);
      const resolution = rule ? 'recovered' : 'disabled';
      const change = this.#apply({ ...tracked, rule }, next, verdict, { time, value: track.lastValue, resolution });
      if (change) changes.push(change);
    }
    return changes;
  }

  /**
   * An alert was ended by hand: it may come back when its figure was fine once, or after `until`.
   * @param startedAt when the one that was ended had begun: another that has begun since is left alone.
   */
  clear(alertId: string, until: number, startedAt?: number): void {
    const tracked = this.#tracks.get(alertId);
    if (startedAt !== undefined && tracked?.track.since !== startedAt) return;
    if (tracked?.track.level) tracked.track = { ...tracked.track, level: null, clearedUntil: until };
  }

  /** The readings by alert; where one look has several of the same, the worst counts, whatever their order. */
  #worst(readings: readonly Reading[]): Map<string, Reading> {
    const all = new Map<string, Reading>();
    for (const reading of readings) {
      const alertId = alertIdOf(reading.resource, reading.signal);
      const other = all.get(alertId);
      const sign = other ? (this.#rule(alertId, reading.resource, reading.signal)?.sign ?? 1) : 1;
      const badness = ({ value }: Reading): number =>
        value !== null && Number.isFinite(value) ? sign * value : Number.NEGATIVE_INFINITY;
      if (!other || badness(reading) > badness(other)) all.set(alertId, reading);
    }
    return all;
  }

  #read(alertId: string, scope: string, { resource, signal, value, detail = '' }: Reading, time: number) {
    const known = this.#tracks.get(alertId);
    if (value === null || !Number.isFinite(value)) return undefined;
    const rule = this.#rule(alertId, resource, signal);
    if (!rule)
      return (
        known &&
        this.#apply({ ...known, rule }, undefined, known.track.level ? 'resolved' : null, {
          time,
          value,
          resolution: 'disabled',
        })
      );
    const { track, verdict } = judge(known?.track, rule, time, value);
    if (!track && !known) return undefined;
    if (track?.level && !verdict) this.#reread.add(alertId);
    return this.#apply({ alertId, scope, resource, signal, detail, rule }, track, verdict, {
      time,
      value,
      resolution: 'recovered',
    });
  }

  #apply(
    about: Omit<Tracked, 'track'> & { rule: Rule | null },
    track: Track | undefined,
    verdict: Verdict,
    now: { time: number; value: number; resolution: Resolution },
  ): Change | undefined {
    const before = this.#tracks.get(about.alertId);
    const { rule, ...tracked } = about;
    if (track) this.#put({ ...tracked, track });
    else this.#drop(about.alertId, before?.scope ?? about.scope);
    if (!verdict) return undefined;
    const last = track ?? before?.track;
    return last && changeOf({ ...tracked, track: last }, rule, verdict, now, track);
  }

  #end(alertId: string, time: number, resolution: Resolution): Change[] {
    const tracked = this.#tracks.get(alertId);
    if (!tracked) return [];
    const { track, resource, signal } = tracked;
    const rule = this.#rule(alertId, resource, signal);
    const verdict = isOpen(track) ? 'resolved' : null;
    const change = this.#apply({ ...tracked, rule }, undefined, verdict, { time, value: track.lastValue, resolution });
    return change ? [change] : [];
  }

  #rule(alertId: string, resource: AlertResource, signal: Signal): Rule | null {
    const known = this.#rules.get(alertId);
    if (known !== undefined) return known;
    if (this.#rules.size >= MAX_RULES) this.#rules.clear();
    const rule = ruleFor(this.config, resource, signal);
    this.#rules.set(alertId, rule);
    return rule;
  }

  #put(tracked: Tracked): void {
    const before = this.#tracks.get(tracked.alertId);
    // The same thing may be seen in two ways, for a while: whoever saw it last says whether it is there.
    if (before && before.scope !== tracked.scope) this.#drop(before.alertId, before.scope);
    this.#tracks.set(tracked.alertId, tracked);
    const ids = this.#scopes.get(tracked.scope) ?? new Set();
    this.#scopes.set(tracked.scope, ids.add(tracked.alertId));
  }

  #drop(alertId: string, scope: string): void {
    this.#tracks.delete(alertId);
    const ids = this.#scopes.get(scope);
    ids?.delete(alertId);
    if (ids?.size === 0) this.#scopes.delete(scope);
  }
}

const NO_RULE: Rule = { trigger: 0, clear: 0, critical: null, sign: 1, delayMs: 0, confirmations: 1 };

/** What is to be said of an alert at a value. */
function standingOf({ resource, signal, detail, track }: Tracked, rule: Rule | null, value: number) {
  const { trigger, clear, critical, sign } = rule ?? NO_RULE;
  const level = track.level ?? 'warning';
  const threshold = level === 'critical' ? (critical ?? trigger) : trigger;
  const { unit } = signals[signal];
  const most = unit === '%' ? 100 : Math.max(1, 2 * (critical ?? trigger));
  const score = scoreOf(level, rule ?? NO_RULE, value, sign === -1 ? 0 : most);
  const message = describeBreach({ resource, signal, value, threshold, detail });
  return { level, value, threshold, clearThreshold: clear, unit, score, message };
}

function changeOf(
  tracked: Tracked,
  rule: Rule | null,
  kind: NonNullable<Verdict>,
  { time, value, resolution }: { time: number; value: number; resolution: Resolution },
  track: Track | undefined,
): Change {
  const { alertId, scope, resource, signal, detail, track: last } = tracked;
  const standing = standingOf(tracked, rule, value);
  const { level, unit } = standing;
  return {
    kind,
    alertId,
    scope,
    resource,
    signal,
    ...standing,
    detail,
    why: describeWhy({ kind, level, value, rule, since: last.since, at: time, count: last.count, resolution, unit }),
    startedAt: last.since,
    at: time,
    samples: last.samples,
    resolution: kind === 'resolved' ? resolution : null,
    track,
  };
}
