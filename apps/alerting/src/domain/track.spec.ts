import { judge, MAX_SAMPLES, rejudge, scoreOf, type Rule, type Track } from './track';

const rule = (given: Partial<Rule> = {}): Rule => ({
  trigger: 80,
  clear: 75,
  critical: 90,
  sign: 1,
  delayMs: 0,
  confirmations: 1,
  ...given,
});
const falling = rule({ trigger: 10, clear: 11, critical: 5, sign: -1 });

/** What each of the samples did, and how it stood then. */
function run(samples: [time: number, value: number][], by: Rule, before?: Track): (string | null)[] {
  let track = before;
  return samples.map(([time, value]) => {
    const judged = judge(track, by, time, value);
    track = judged.track;
    return judged.verdict === null ? (track?.level ?? null) : `${judged.verdict} ${track?.level ?? ''}`.trim();
  });
}
const every = (seconds: number, values: number[]): [number, number][] =>
  values.map((value, index) => [1000 + index * seconds * 1000, value]);
const open = (value: number, by = rule()): Track => {
  const { track } = judge(undefined, by, 1000, value);
  if (!track) throw new Error('does not fire');
  return track;
};

describe('a figure against its thresholds', () => {
  it.each<[string, Rule, number[], (string | null)[]]>([
    ['fires at the trigger, not below', rule(), [79.999, 80], [null, 'fired warning']],
    ['is critical at once where it is', rule(), [90], ['fired critical']],
    ['ends at clear, not above', rule(), [80, 75.001, 75], ['fired warning', 'warning', 'resolved']],
    ['ends below clear', rule(), [80, 0], ['fired warning', 'resolved']],
    ['becomes critical', rule(), [80, 90], ['fired warning', 'level critical']],
    [
      'stays critical down to the gap, and falls below it',
      rule(),
      [90, 85, 84.999, 89.9, 90],
      ['fired critical', 'critical', 'level warning', 'warning', 'level critical'],
    ],
    ['ends from critical', rule(), [95, 75], ['fired critical', 'resolved']],
    ['has no critical where there is none', rule({ critical: null }), [100], ['fired warning']],
    ['is always critical where that is the trigger', rule({ critical: 80 }), [80, 76], ['fired critical', 'critical']],
    [
      'takes fractions',
      rule({ trigger: 0.5, clear: 0.25 }),
      [0.49, 0.5, 0.3, 0.25],
      [null, 'fired warning', 'warning', 'resolved'],
    ],
    ['fires when it is small', falling, [10.1, 10], [null, 'fired warning']],
    ['is critical when it is smaller', falling, [10, 5], ['fired warning', 'level critical']],
    [
      'stays critical up to the gap',
      falling,
      [5, 6, 6.001, 6, 5],
      ['fired critical', 'critical', 'level warning', 'warning', 'level critical'],
    ],
    ['ends when it is large', falling, [10, 10.999, 11], ['fired warning', 'warning', 'resolved']],
    ['may be negative', falling, [-400, 12], ['fired critical', 'resolved']],
  ])('%s', (_name, by, values, expected) => expect(run(every(10, values), by)).toEqual(expected));
});

describe('a delay', () => {
  const slow = rule({ delayMs: 10_000 });
  it.each<[string, Rule, [number, number][], (string | null)[]]>([
    ['lasts by the times of samples', slow, every(5, [80, 80, 80]), [null, null, 'fired warning']],
    [
      'is not over a moment before',
      slow,
      [
        [0, 80],
        [9999, 80],
        [10_000, 80],
      ],
      [null, null, 'fired warning'],
    ],
    [
      'begins anew below the trigger, though above clear',
      slow,
      every(5, [80, 80, 79, 80, 80, 80]),
      [null, null, null, null, null, 'fired warning'],
    ],
    ['is no less for a critical one', slow, every(5, [99, 99, 80]), [null, null, 'fired warning']],
    ['takes the level of the last sample', slow, every(5, [80, 80, 99]), [null, null, 'fired critical']],
    [
      'needs two samples',
      slow,
      [
        [0, 80],
        [200_000, 80],
      ],
      [null, 'fired warning'],
    ],
    [
      'goes on over a hole of five minutes',
      slow,
      [
        [0, 80],
        [300_000, 80],
      ],
      [null, 'fired warning'],
    ],
    [
      'begins anew after a longer one',
      slow,
      [
        [0, 80],
        [300_001, 80],
        [305_000, 80],
        [310_001, 80],
      ],
      [null, null, null, 'fired warning'],
    ],
    [
      'ignores what is late, or comes twice',
      slow,
      [
        [5000, 80],
        [5000, 10],
        [4000, 10],
        [15_000, 80],
      ],
      [null, null, null, 'fired warning'],
    ],
    [
      'counts confirmations',
      rule({ confirmations: 3 }),
      every(5, [80, 80, 79, 80, 80, 80]),
      [null, null, null, null, null, 'fired warning'],
    ],
    ['wants both', rule({ confirmations: 3, delayMs: 20_000 }), every(10, [80, 80, 80]), [null, null, 'fired warning']],
    [
      'wants both, the longer delay too',
      rule({ confirmations: 2, delayMs: 20_000 }),
      every(10, [80, 80, 80]),
      [null, null, 'fired warning'],
    ],
  ])('%s', (_name, by, samples, expected) => expect(run(samples, by)).toEqual(expected));

  it('is no longer for what is looked at every ten minutes', () => {
    const looks = every(600, [80, 80, 80, 80]);
    expect(run(looks, slow)).toEqual([null, null, 'fired warning', 'warning']);
  });
  it('knows a hole among looks that are seldom', () => {
    const looks: [number, number][] = [
      [0, 80],
      [600_000, 80],
      [1_800_001, 80],
    ];
    expect(run(looks, rule({ delayMs: 601_000 }))).toEqual([null, null, null]);
  });
  it('keeps the beginning, and the last samples', () => {
    let track: Track | undefined;
    for (let at = 0; at < 100; at++) ({ track } = judge(track, rule({ delayMs: 10_000_000 }), at * 1000, 80 + at));
    expect(track).toMatchObject({ since: 0, count: 100, level: null });
    expect(track?.samples).toHaveLength(MAX_SAMPLES);
    expect(track?.samples.at(-1)).toEqual([99_000, 179]);
  });
});

describe('what was cleared by hand', () => {
  const cleared: Track = { ...open(85), level: null, clearedUntil: 60_000 };
  it.each<[string, [number, number][], (string | null)[]]>([
    [
      'stays away while it is in breach',
      [
        [2000, 99],
        [59_999, 99],
      ],
      [null, null],
    ],
    [
      'comes back after the time',
      [
        [2000, 85],
        [60_000, 85],
      ],
      [null, 'fired warning'],
    ],
    [
      'comes back after it was fine',
      [
        [2000, 75],
        [3000, 85],
      ],
      [null, 'fired warning'],
    ],
    [
      'does not after it was only below the trigger',
      [
        [2000, 76],
        [3000, 85],
      ],
      [null, null],
    ],
  ])('%s', (_name, samples, expected) => expect(run(samples, rule(), cleared)).toEqual(expected));
  it('waits for the delay again', () => {
    expect(
      run(
        [
          [60_000, 85],
          [65_000, 85],
          [70_000, 85],
        ],
        rule({ delayMs: 10_000 }),
        cleared,
      ),
    ).toEqual([null, null, 'fired warning']);
  });
  it('is fine when it is large, where small is bad', () => {
    const low: Track = { ...open(10, falling), level: null, clearedUntil: 60_000 };
    expect(
      run(
        [
          [2000, 11],
          [3000, 10],
        ],
        falling,
        low,
      ),
    ).toEqual([null, 'fired warning']);
  });
});

describe('rules that change', () => {
  it.each<[string, number, Rule | null, string | null, string | null]>([
    ['end what is below the new trigger', 85, rule({ trigger: 86, clear: 80 }), null, 'resolved'],
    ['keep what is at it', 85, rule({ trigger: 85, clear: 80 }), 'warning', null],
    ['make it critical', 85, rule({ critical: 85 }), 'critical', 'level'],
    ['make it a warning', 95, rule({ critical: 96 }), 'warning', 'level'],
    ['make it a warning where nothing is critical', 95, rule({ critical: null }), 'warning', 'level'],
    ['end what nobody wants to know of', 95, null, null, 'resolved'],
  ])('%s', (_name, value, by, level, verdict) => {
    const judged = rejudge(open(value), by);
    expect([judged.track?.level ?? null, judged.verdict]).toEqual([level, verdict]);
  });
  it('end what is large enough, where small is bad', () =>
    expect(rejudge(open(10, falling), { ...falling, trigger: 9, clear: 10 }).verdict).toBe('resolved'));

  it.each<[string, number, number, string]>([
    ['between clear and trigger', 85, 76, 'warning'],
    ['critical above its gap', 95, 86, 'critical'],
  ])('leave alone what is %s when they are as they were', (_name, first, value, level) => {
    const { track } = judge(open(first), rule(), 2000, value);
    expect(track && rejudge(track, rule({ delayMs: 5000 }))).toEqual({ track, verdict: null });
    expect(track?.level).toBe(level);
  });

  it('let a run count only what is in breach of the new one', () => {
    const slow = rule({ delayMs: 10_000 });
    let track: Track | undefined;
    for (const [time, value] of every(5, [85, 82, 86]))
      ({ track } = judge(track, { ...slow, delayMs: 60_000 }, time, value));
    const { track: left } = track ? rejudge(track, { ...slow, trigger: 84 }) : {};
    expect(left).toMatchObject({ since: 11_000, count: 1, samples: [[11_000, 86]] });
    expect(
      run(
        [
          [16_000, 86],
          [21_000, 86],
        ],
        { ...slow, trigger: 84 },
        left,
      ),
    ).toEqual([null, 'fired warning']);
    expect(track && rejudge(track, { ...slow, trigger: 90 }).track).toBeUndefined();
    expect(track && rejudge(track, slow).track).toBe(track);
    expect(track && rejudge(track, null)).toEqual({ track: undefined, verdict: null });
  });
  it('leave alone what was cleared', () => {
    const cleared: Track = { ...open(85), level: null, clearedUntil: 60_000 };
    expect(rejudge(cleared, rule({ trigger: 99 }))).toEqual({ track: cleared, verdict: null });
    expect(rejudge(cleared, null)).toEqual({ track: undefined, verdict: null });
  });
});

describe('a score', () => {
  it.each<['warning' | 'critical', Rule, number, number, number]>([
    ['warning', rule(), 80, 100, 30],
    ['warning', rule(), 85, 100, 57],
    ['warning', rule(), 89.999, 100, 84],
    ['warning', rule(), 70, 100, 30],
    ['critical', rule(), 90, 100, 85],
    ['critical', rule(), 95, 100, 93],
    ['critical', rule(), 100, 100, 100],
    ['critical', rule(), 400, 100, 100],
    ['critical', rule({ trigger: 100, critical: 100 }), 100, 100, 85],
    ['critical', rule({ trigger: 150, critical: 180 }), 200, 100, 85],
    ['warning', rule({ critical: null }), 90, 100, 57],
    ['warning', falling, 10, 0, 30],
    ['warning', falling, 7.5, 0, 57],
    ['critical', falling, 5, 0, 85],
    ['critical', falling, 2.5, 0, 93],
    ['critical', falling, 0, 0, 100],
    ['critical', falling, -5, 0, 100],
  ])('%s, %j at %d of %d: %d', (level, by, value, worst, expected) =>
    expect(scoreOf(level, by, value, worst)).toBe(expected),
  );
});
