import type { AlertConfig, AlertLevel } from '@lapwing/contracts';
import { decide, type Circumstances, type Decision } from './decision.js';
import { noteChange, steady, type FlapState } from './quiet/flapping.js';
import { groupKey } from './quiet/grouping.js';
import { noteTold, nothingTold, type RateState } from './quiet/rate.js';
import type { ReplayedAlert, ReplayedChange } from './replay.js';

type Kind = 'firing' | 'resolved';

/** An alert on its way to people. */
interface Standing {
  alert: ReplayedAlert;
  level: AlertLevel;
  isResolved: boolean;
  isTold: boolean;
  waiting: Partial<Record<Kind, Notice>>;
}

/** Something that is to be told. */
interface Notice {
  kind: Kind;
  standing: Standing;
  group: string;
  dueAt: number;
  upgraded: boolean;
  /** Why it is held; empty when it is not. */
  held: string;
}

interface Memory {
  flaps: FlapState;
  told: RateState;
}

const QUIET_HOURS = 'quiet hours';
const NOT_TOLD = 'it was over before anybody was told';
const unknown: Memory = { flaps: steady, told: nothingTold };
/** How many notices are decided on before others get their turn. */
const SLICE = 50;

/**
 * Counts the messages that one channel would have got, as routing and telling do it with real alerts: the same windows, groups and decisions,
 * with the instants of readings for a clock. Silences, maintenance and what stands on what are left out.
 */
export class ReplayedMessages {
  /** All of them. */
  messages = 0;
  /** Those of recovery. */
  recoveryMessages = 0;
  readonly #standings = new Map<ReplayedAlert, Standing>();
  readonly #memories = new Map<string, Memory>();
  readonly #groups = new Map<string, Set<Notice>>();
  readonly #queue = new DueQueue();
  readonly #given: Circumstances;

  constructor(private readonly config: AlertConfig) {
    this.#given = { config, silences: [], windows: [], away: new Map() };
  }

  /** Takes what happened next; everything must come in the order of time. Yields now and then. */
  *take(change: ReplayedChange): Generator<void> {
    const { kind, alert, level, at } = change;
    yield* this.#tellBefore(at);
    const standing = this.#standing(alert, level);
    if (kind !== 'level') this.#noteFlap(alert.id, at);
    if (kind === 'resolved') this.#over(standing, at);
    else if (kind === 'fired' || level === 'critical') this.#worse(standing, at, kind === 'level');
  }

  /** Tells what is due until an instant. */
  *finish(at: number): Generator<void> {
    yield* this.#tellBefore(at + 1);
  }

  #standing(alert: ReplayedAlert, level: AlertLevel): Standing {
    const known = this.#standings.get(alert) ?? { alert, level, isResolved: false, isTold: false, waiting: {} };
    known.level = level;
    this.#standings.set(alert, known);
    return known;
  }

  #noteFlap(id: string, at: number): void {
    const memory = this.#memories.get(id) ?? unknown;
    this.#memories.set(id, { ...memory, flaps: noteChange(memory.flaps, at, this.config.flapping) });
  }

  #worse(standing: Standing, at: number, upgraded: boolean): void {
    const known = standing.waiting.firing;
    if (!known) return this.#add('firing', standing, at, upgraded);
    if (!upgraded) return;
    known.upgraded = true;
    known.held = '';
    this.#due(known, Math.min(known.dueAt, at + this.#windowMs));
  }

  /** Who was told that it fires is told that it is over, and nobody else. */
  #over(standing: Standing, at: number): void {
    standing.isResolved = true;
    this.#standings.delete(standing.alert);
    const { firing } = standing.waiting;
    if (firing && firing.held !== QUIET_HOURS) {
      this.#remove(firing);
      if (!standing.isTold) standing.alert.quiet ||= NOT_TOLD;
    }
    if (standing.isTold && this.config.schedule.notifyOnResolve) this.#add('resolved', standing, at, false);
  }

  get #windowMs(): number {
    const { enabled, windowSeconds } = this.config.aggregation;
    return enabled ? windowSeconds * 1000 : 0;
  }

  #add(kind: Kind, standing: Standing, at: number, upgraded: boolean): void {
    const { id, resource } = standing.alert;
    const { node, instance } = resource;
    const key = groupKey(this.config.aggregation, { alertId: id, node, instance, resourceId: resource.id });
    const notice: Notice = { kind, standing, group: `${kind} ${key}`, dueAt: at, upgraded, held: '' };
    standing.waiting[kind] = notice;
    const group = this.#groups.get(notice.group) ?? new Set();
    this.#groups.set(notice.group, group.add(notice));
    this.#due(notice, at + this.#windowMs);
  }

  #due(notice: Notice, at: number): void {
    notice.dueAt = at;
    this.#queue.push(at, notice);
  }

  #remove(notice: Notice): void {
    const group = this.#groups.get(notice.group);
    group?.delete(notice);
    if (group?.size === 0) this.#groups.delete(notice.group);
    delete notice.standing.waiting[notice.kind];
  }

  *#tellBefore(at: number): Generator<void> {
    for (let due = this.#queue.first; due !== undefined && due < at; due = this.#queue.first) yield* this.#tell(due);
  }

  /** What is due, in whole groups: what is due soon in a group goes with what is due now. */
  #dueAt(at: number): Notice[] {
    const groups = new Set<string>();
    for (const notice of this.#queue.take(at))
      if (notice.dueAt === at && notice.standing.waiting[notice.kind] === notice) groups.add(notice.group);
    return [...groups].flatMap((group) =>
      [...(this.#groups.get(group) ?? [])].filter(({ held, dueAt }) => held === '' || dueAt <= at),
    );
  }

  *#tell(at: number): Generator<void> {
    const decisions: [Notice, Decision][] = [];
    for (const notice of this.#dueAt(at)) {
      decisions.push([notice, this.#decide(notice, at)]);
      if (decisions.length % SLICE === 0) yield;
    }
    const told: Notice[] = [];
    for (const [notice, decision] of decisions) {
      if (decision.do === 'tell') told.push(notice);
      else this.#keepQuiet(notice, decision);
    }
    this.#count(told);
    this.#noteTold(told, at);
  }

  #decide({ kind, standing, upgraded, held }: Notice, at: number): Decision {
    const { alert, level, isResolved } = standing;
    const { id: alertId, signal, resource } = alert;
    const memory = this.#memories.get(alertId) ?? unknown;
    const isFromQuietHours = held === QUIET_HOURS;
    const about = { kind, alertId, level, signal, resource, upgraded, isResolved, isFromQuietHours };
    return decide({ ...about, acknowledged: false, wasInhibited: false, ...memory }, this.#given, at);
  }

  #keepQuiet(notice: Notice, decision: Exclude<Decision, { do: 'tell' }>): void {
    const { standing } = notice;
    if (!standing.isTold) standing.alert.quiet = decision.why;
    if (decision.do === 'drop') return this.#remove(notice);
    notice.held = decision.why;
    this.#due(notice, decision.until);
  }

  /** One message for each group; what quiet hours held back is summed up in one. */
  #count(told: readonly Notice[]): void {
    const messages = new Set(
      told.map(({ kind, held, group }) => (kind === 'firing' && held === QUIET_HOURS ? 'summary' : group)),
    );
    this.messages += messages.size;
    this.recoveryMessages += new Set(told.filter(({ kind }) => kind === 'resolved').map(({ group }) => group)).size;
  }

  #noteTold(told: readonly Notice[], at: number): void {
    const { cooldown: cooldownMinutes, maxAlertsHour: maxPerHour } = this.config.schedule;
    const before = new Map(told.map(({ standing: { alert } }) => [alert.id, this.#memories.get(alert.id) ?? unknown]));
    for (const notice of told) {
      this.#remove(notice);
      if (notice.kind === 'resolved') continue;
      const { alert } = notice.standing;
      notice.standing.isTold = true;
      alert.quiet = '';
      const memory = before.get(alert.id) ?? unknown;
      this.#memories.set(alert.id, { ...memory, told: noteTold(memory.told, at, { cooldownMinutes, maxPerHour }) });
    }
  }
}

/** What is due when; a binary heap. One that was put off or removed stays in it until its old time comes. */
class DueQueue {
  readonly #heap: { at: number; notice: Notice }[] = [];

  /** When the first is due. */
  get first(): number | undefined {
    return this.#heap[0]?.at;
  }

  push(at: number, notice: Notice): void {
    const heap = this.#heap;
    let index = heap.push({ at, notice }) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && (heap[parent]?.at ?? 0) > at; parent = (index - 1) >> 1) {
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Takes out all that are due at an instant. */
  take(at: number): Notice[] {
    const notices: Notice[] = [];
    for (let first = this.#heap[0]; first && first.at <= at; first = this.#heap[0]) {
      notices.push(first.notice);
      this.#dropFirst();
    }
    return notices;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let index = 0, child = this.#lesserChild(0); child !== undefined; child = this.#lesserChild(index)) {
      if ((heap[child]?.at ?? 0) >= last.at) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #lesserChild(index: number): number | undefined {
    const [left, right] = [this.#heap[2 * index + 1], this.#heap[2 * index + 2]];
    if (!left) return undefined;
    return right && right.at < left.at ? 2 * index + 2 : 2 * index + 1;
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const [first, second] = [heap[a], heap[b]];
    if (first && second) [heap[a], heap[b]] = [second, first];
  }
}
