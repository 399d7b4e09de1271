import { AlertConfig } from '@lapwing/contracts';
import { Engine, type Change } from './engine';
import { mergeConfig } from './merge-config';
import { limitsOf, limitsOfAll } from './replay-limits';
import { Timeline, replaySeries, replayedResource, type Buckets, type ReplayedChange } from './replay';
import { ruleFor } from './rules';
import type { Rule } from './track';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const T = 1_700_000_000_000;
const rule: Rule = { trigger: 80, clear: 75, critical: 95, sign: 1, delayMs: 0, confirmations: 1 };
const resource = replayedResource('web-1', 'cpu');
const none: Buckets = { at: [], low: [], high: [], widthMs: [HOUR] };

function run<R>(work: Generator<void, R>): R {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Buckets of minutes: which minute, its least and its greatest. */
const minutes = (...rows: [minute: number, low: number, high: number][]): Buckets => ({
  at: rows.map(([at]) => T + at * MINUTE),
  low: rows.map(([, low]) => low),
  high: rows.map(([, , high]) => high),
  widthMs: [MINUTE],
});
const of = (buckets: Buckets, more: Partial<Rule> = {}, calm: Buckets = none) =>
  run(replaySeries({ resource, signal: 'cpu', rule: { ...rule, ...more } }, { buckets, calm }));
const short = (changes: ReplayedChange[] | null) =>
  changes?.map(({ kind, at, level }) => `${kind} ${(at - T) / 1000} ${level}`);

describe('the replay of one figure', () => {
  it.each<[string, Buckets, Partial<Rule>, string[]]>([
    ['a spike fires and ends', minutes([0, 20, 85]), {}, ['fired 0 warning', 'resolved 59 warning']],
    ['a spike is nothing where there is a delay', minutes([0, 20, 85], [1, 20, 85]), { delayMs: 5000 }, []],
    ['a breach over a minute holds for its delay', minutes([0, 81, 85]), { delayMs: 59_000 }, ['fired 59 warning']],
    ['one that is shorter does not', minutes([0, 81, 85]), { delayMs: 60_000 }, []],
    ['over two minutes', minutes([0, 81, 85], [1, 81, 85]), { delayMs: 60_000 }, ['fired 60 warning']],
    [
      'it becomes critical, and a warning again',
      minutes([0, 81, 85], [1, 90, 96], [2, 81, 94], [3, 70, 79]),
      {},
      ['fired 0 warning', 'level 60 critical', 'level 179 warning', 'resolved 239 warning'],
    ],
    [
      'between clear and trigger it lasts',
      minutes([0, 81, 85], [1, 76, 79], [2, 75, 79]),
      {},
      ['fired 0 warning', 'resolved 179 warning'],
    ],
    [
      'after a hole of six minutes the delay begins anew',
      minutes([0, 81, 85], [6, 81, 85], [7, 81, 85]),
      { delayMs: 90_000 },
      ['fired 479 warning'],
    ],
  ])('%s', (_, buckets, more, expected) => expect(short(of(buckets, more))).toEqual(expected));

  it('tells when it began, its worst level and value', () => {
    const changes = of(minutes([0, 81, 99], [1, 82, 84], [2, 20, 70]), { delayMs: 70_000 });
    expect(changes?.[0]?.alert).toEqual({
      id: 'web-1-cpu',
      resource,
      signal: 'cpu',
      level: 'warning',
      startedAt: T,
      firedAt: T + 119_000,
      resolvedAt: T + 120_000,
      peak: 99,
      quiet: '',
    });
  });

  const hour = (at: number, low: number, high: number): Buckets => ({
    at: [T + at * HOUR],
    low: [low],
    high: [high],
    widthMs: [HOUR],
  });

  it('goes through whole hours while it is open', () => {
    const changes = of(minutes([59, 82, 85], [120, 20, 60]), {}, hour(1, 81, 94.5));
    expect(short(changes)).toEqual(['fired 3540 warning', 'resolved 7200 warning']);
    expect(changes?.[0]?.alert.peak).toBe(94.5);
  });
  it('says that it needs the minutes of an hour where it is not', () =>
    expect(of(minutes(), {}, hour(1, 81, 84))).toBeNull());
  it('needs none of an hour between clear and trigger', () => expect(of(minutes(), {}, hour(1, 76, 79))).toEqual([]));

  it('calls the root file system as alerts do', () =>
    expect(replayedResource('web-1', 'disk')).toMatchObject({ id: 'web-1-disk-root', parents: ['web-1'] }));
});

describe('what rules say of hosts', () => {
  const config = AlertConfig.parse({
    overrides: {
      'db-1': { cpu: 50 },
      'nas-1-disk-root': { disk: 99 },
      'pve:guest:1': { cpu: 1 },
      'same-1': { note: 'x' },
    },
    timeThresholds: { host: 5, 'web-9': 60 },
    metricTimeThresholds: { host: { cpu: 30 } },
  });
  it('names those of which they say something else', () => {
    const { limits, special } = limitsOfAll(config, ['cpu', 'memory', 'disk'], null);
    expect(limits.cpu).toEqual({ trigger: 80, clear: 75, critical: 95, delaySeconds: 30 });
    expect(Object.keys(special).toSorted()).toEqual(['db-1', 'nas-1', 'nas-1-disk-root', 'web-9']);
    expect(special['nas-1']?.disk?.trigger).toBe(99);
    expect(special['db-1']?.cpu?.trigger).toBe(50);
  });
  it('leaves out what nobody wants to know', () =>
    expect(limitsOf({ ...config, disableAllHosts: true }, 'web-1', ['cpu', 'memory'])).toEqual({}));
  it('names only those that are asked about', () =>
    expect(Object.keys(limitsOfAll(config, ['cpu'], ['db-1', 'web-1']).special)).toEqual(['db-1']));
});

describe('the order of time', () => {
  it('is by instants, then by ids', () => {
    const timeline = new Timeline();
    const [late] = of(minutes([5, 20, 85])) ?? [];
    const first = of(minutes([1, 20, 85])) ?? [];
    const other = run(
      replaySeries(
        { resource: replayedResource('a', 'cpu'), signal: 'cpu', rule },
        { buckets: minutes([1, 20, 85]), calm: none },
      ),
    );
    timeline.add(late ? [late] : []);
    timeline.add(first);
    timeline.add(other ?? []);
    expect([...timeline.inOrder()].flat().map(({ at, alert }) => `${(at - T) / 1000} ${alert.id}`)).toEqual([
      '60 a-cpu',
      '60 web-1-cpu',
      '119 a-cpu',
      '119 web-1-cpu',
      '300 web-1-cpu',
    ]);
  });
});

/** Numbers that look random, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Four hours of a figure that wanders about its thresholds, with holes. */
function wandering(next: () => number): Buckets {
  let value = 60 + 30 * next();
  let minute = 0;
  const rows: [number, number, number][] = [];
  while (minute < 240) {
    value = Math.min(99, Math.max(40, value + (next() - 0.5) * 12));
    const [low, high] = [value - 8 * next() ** 3, Math.min(100, value + 8 * next() ** 3)];
    rows.push([minute, Math.round(low * 100) / 100, Math.round(high * 100) / 100]);
    minute += next() < 0.03 ? 1 + Math.floor(12 * next()) : 1;
  }
  return minutes(...rows);
}

function live(config: AlertConfig, buckets: Buckets): string[] {
  const engine = new Engine(config);
  const changes: Change[] = [];
  buckets.at.forEach((at, index) => {
    for (const [time, value] of [
      [at, buckets.high[index] ?? 0],
      [at + 59_000, buckets.low[index] ?? 0],
    ] as const)
      changes.push(...engine.look({ scope: 'host:web-1', time, readings: [{ resource, signal: 'cpu', value }] }));
  });
  return changes.map(({ kind, at, level, startedAt }) => `${kind} ${at - T} ${level} ${startedAt - T}`);
}

describe('replay and the live engine', () => {
  it('say the same of the same readings, a thousand times', () => {
    let changes = 0;
    for (let seed = 1; seed <= 1000; seed++) {
      const next = random(seed);
      const patch = {
        hostDefaults: { cpu: { trigger: 78, clear: 70 + 6 * next(), critical: next() < 0.3 ? null : 85 + 8 * next() } },
        timeThresholds: { host: next() < 0.4 ? 0 : Math.floor(900 * next()) },
      };
      const merged = mergeConfig(AlertConfig.parse({}), patch);
      if ('faults' in merged) throw new Error(JSON.stringify(merged.faults));
      const { config } = merged;
      const buckets = wandering(next);
      const replayed = of(buckets, ruleFor(config, resource, 'cpu') ?? {}) ?? [];
      expect(replayed.map(({ kind, at, level, alert }) => `${kind} ${at - T} ${level} ${alert.startedAt - T}`)).toEqual(
        live(config, buckets),
      );
      changes += replayed.length;
    }
    expect(changes).toBeGreaterThan(10_000);
  });
});
