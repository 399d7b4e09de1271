import type { AlertConfig, AlertResource } from '@lapwing/contracts';
import { atOnce, resourceOf, T0 } from '../../test/estate-fixtures';
import { standingAfter, type Asked, type Happened, type Standing } from '../../test/oracle';
import { Engine, type Change, type Tracked } from './engine';
import type { Signal } from './signals';

const SEEDS = 10_000;
const STEPS = 32;

/** Numbers that look like chance, the same for each seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Dice {
  /** A whole number from 0, below `count`. */
  below(count: number): number;
  oneOf<T>(values: readonly T[]): T;
}
function diceOf(seed: number): Dice {
  const random = mulberry32(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const oneOf = <T>(values: readonly T[]): T => {
    const value = values[below(values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  };
  return { below, oneOf };
}

/** A kind of signal: rules as people set them, and as they are meant. */
interface Kind {
  resource: AlertResource;
  signal: Signal;
  sign: 1 | -1;
  rules(dice: Dice): { patch: Record<string, unknown>; asked: Asked | null };
  value(dice: Dice): number;
}

const delays = [0, 0, 5, 10, 60, 400];
const figures: Kind = {
  resource: resourceOf({ id: 'vm', type: 'guest', parents: ['node'] }),
  signal: 'cpu',
  sign: 1,
  rules(dice) {
    const trigger = dice.oneOf([50, 65, 80]);
    const clear = trigger - dice.oneOf([1, 5, 5, 12]);
    const critical = dice.oneOf([null, trigger, trigger + 7, trigger + 15]);
    const [delay, byName] = [dice.oneOf(delays), dice.below(2) === 0];
    const places = [
      { guestDefaults: { cpu: { trigger, clear, critical } } },
      { overrides: { vm: { cpu: { trigger, clear, critical } } } },
    ];
    const lasting = byName
      ? { metricTimeThresholds: { guest: { cpu: delay } } }
      : { timeThresholds: { vm: delay, guest: 7 } };
    const patch = { ...dice.oneOf(places), ...lasting };
    if (dice.below(12) === 0) return { patch: { guestDefaults: { cpu: -1 } }, asked: null };
    return {
      patch,
      asked: {
        trigger,
        clear,
        critical: critical ?? Math.min(100, trigger + 10),
        delayMs: delay * 1000,
        confirmations: 1,
      },
    };
  },
  value: (dice) => 30 + dice.below(71),
};
const falling: Kind = {
  resource: resourceOf({ id: 'disk', type: 'disk' }),
  signal: 'disk-life',
  sign: -1,
  rules(dice) {
    const lifeLeftWarning = dice.oneOf([5, 10, 20]);
    const lifeLeftCritical = lifeLeftWarning - dice.oneOf([0, 3, 5]);
    const delay = dice.oneOf(delays);
    const enabled = dice.below(12) > 0;
    const asked = {
      trigger: -lifeLeftWarning,
      clear: -lifeLeftWarning - 1,
      critical: -lifeLeftCritical,
      delayMs: delay * 1000,
      confirmations: 1,
    };
    return {
      patch: { diskDefaults: { enabled, lifeLeftWarning, lifeLeftCritical }, timeThresholds: { disk: delay } },
      asked: enabled ? asked : null,
    };
  },
  value: (dice) => dice.below(30),
};
const state = (
  resource: AlertResource,
  signal: Signal,
  confirmations: number,
  criticals: readonly (number | null)[],
): Kind => ({
  resource,
  signal,
  sign: 1,
  rules(dice) {
    const critical = dice.oneOf(criticals);
    const isOff = dice.below(12) === 0;
    const delay = signal === 'ceph-health' ? dice.oneOf(delays) : 0;
    const patch = {
      guestDefaults: { poweredOffSeverity: critical === 1 ? 'critical' : 'warning' },
      enabled: !isOff,
      timeThresholds: { ceph: delay },
    };
    return { patch, asked: isOff ? null : { trigger: 1, clear: 0.5, critical, delayMs: delay * 1000, confirmations } };
  },
  value: (dice) => dice.oneOf(signal === 'ceph-health' ? [0, 1, 1, 2] : [0, 1, 1, 1]),
});
const kinds = [
  figures,
  figures,
  falling,
  state(resourceOf({ id: 'node', type: 'node', parents: ['home'] }), 'connectivity', 3, [1]),
  state(resourceOf({ id: 'vm', type: 'guest' }), 'powered-off', 2, [1, null]),
  state(resourceOf({ id: 'ceph', type: 'ceph' }), 'ceph-health', 1, [2]),
];

/** An engine with what a database would keep of it. */
class Judged {
  engine: Engine;
  readonly #open = new Map<string, Tracked>();

  constructor(private config: AlertConfig) {
    this.engine = new Engine(config);
  }

  keep(changes: Change[]): Change[] {
    for (const { alertId, scope, resource, signal, detail, track } of changes)
      if (track) this.#open.set(alertId, { alertId, scope, resource, signal, detail, track });
      else this.#open.delete(alertId);
    return changes;
  }

  configure(config: AlertConfig): Change[] {
    this.config = config;
    return this.keep(this.engine.configure(config, T0));
  }

  clear(alertId: string, until: number): void {
    this.engine.clear(alertId, until);
    this.#open.delete(alertId);
  }

  restart(): Change[] {
    for (const tracked of this.engine.changedOpen()) this.#open.set(tracked.alertId, tracked);
    const kept = JSON.stringify({ state: this.engine.state(), open: [...this.#open.values()] });
    const { state: before, open } = JSON.parse(kept) as { state: ReturnType<Engine['state']>; open: Tracked[] };
    this.engine = new Engine(this.config, before, open);
    return this.keep(this.engine.configure(this.config, T0));
  }
}

const configs = new Map<string, AlertConfig>();
function cached(patch: Record<string, unknown>): AlertConfig {
  const key = JSON.stringify(patch);
  const config = configs.get(key) ?? atOnce(patch);
  configs.set(key, config);
  return config;
}

/** What should have been told between two standings. */
function expected(before: Standing, after: Standing): string[] {
  if (before.is !== 'open') return after.is === 'open' ? [`fired ${after.level} ${after.since}`] : [];
  if (after.is === 'fine') return [`resolved ${after.because} ${before.since}`];
  return after.is === 'open' && after.level !== before.level ? [`level ${after.level} ${before.since}`] : [];
}
const told = (changes: Change[]): string[] =>
  changes.map(({ kind, level, resolution, startedAt }) => `${kind} ${resolution ?? level} ${startedAt}`);

/** Plays one story; says what went otherwise than it should, or nothing. Counts what happened. */
function play(seed: number, counts: Map<string, number>): string | undefined {
  const dice = diceOf(seed);
  const kind = dice.oneOf(kinds);
  const alertId = `${kind.resource.id}-${kind.signal}`;
  const first = kind.rules(dice);
  const judged = new Judged(cached(first.patch));
  const story: Happened[] = [{ what: 'rules', asked: first.asked }];
  let standing = standingAfter(story);
  let time = T0;
  const pace = dice.oneOf([5000, 5000, 30_000, 600_000]);
  let bad = kind.value(dice);

  const step = (): Change[] => {
    const what = dice.below(24);
    if (what === 0) {
      const { patch, asked } = kind.rules(dice);
      story.push({ what: 'rules', asked });
      return judged.configure(cached(patch));
    }
    if (what === 1) return judged.restart();
    if (what === 2) {
      const until = time + dice.oneOf([0, 20_000, 1_000_000]);
      story.push({ what: 'cleared', until });
      judged.clear(alertId, until);
      standing = standingAfter(story);
      return [];
    }
    const late = dice.below(10) === 0 && story.some((one) => one.what === 'sample' || one.what === 'gone');
    const at = late
      ? time - dice.oneOf([0, 1, 7000])
      : time + dice.oneOf([pace, pace, pace, 1 + dice.below(2 * pace), 300_000, 300_001]);
    time = Math.max(time, at);
    if (dice.below(3) === 0) bad = kind.value(dice);
    const read = dice.below(15);
    const isGone = read === 0;
    const value = read === 1 ? null : bad;
    if (!late)
      story.push(
        isGone
          ? { what: 'gone', time: at }
          : { what: 'sample', time: at, bad: value === null ? null : kind.sign * value },
      );
    const { resource, signal } = kind;
    return judged.keep(
      judged.engine.look({ scope: 'a', time: at, readings: isGone ? [] : [{ resource, signal, value }] }),
    );
  };

  for (let at = 0; at < STEPS; at++) {
    const before = standing;
    const changes = told(step());
    const after = standingAfter(story);
    // A clear by hand is told by whoever clears.
    const wanted = after.is === 'cleared' && before.is === 'open' ? [] : expected(standing, after);
    standing = after;
    for (const one of wanted) counts.set(one.replace(/ \d+$/, ''), (counts.get(one.replace(/ \d+$/, '')) ?? 0) + 1);
    const { waiting } = judged.engine.state();
    const stands = [judged.engine.openCount, waiting.length, after.is === 'waiting' ? waiting[0]?.track.since : null];
    const shouldStand = [
      Number(after.is === 'open'),
      Number(after.is === 'waiting' || after.is === 'cleared'),
      after.is === 'waiting' ? after.since : null,
    ];
    if (JSON.stringify([changes, stands]) !== JSON.stringify([wanted, shouldStand]))
      return `seed ${seed}, step ${at}, ${kind.signal}: ${JSON.stringify([changes, stands])} instead of ${JSON.stringify([wanted, shouldStand])} after ${JSON.stringify(story)}`;
  }
  return undefined;
}

describe('an engine', () => {
  it(`says what one says that reads the whole story each time, in ${SEEDS} stories`, () => {
    const counts = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const fault = play(seed, counts);
      if (fault !== undefined) throw new Error(fault);
    }
    // Chance has led everywhere.
    const everything = [
      'fired warning',
      'fired critical',
      'level warning',
      'level critical',
      'resolved recovered',
      'resolved removed',
      'resolved disabled',
    ];
    expect(
      [...counts]
        .filter(([, count]) => count > 100)
        .map(([what]) => what)
        .toSorted(),
    ).toEqual(everything.toSorted());
  }, 60_000);
});
