import { deepen, finest, hundredthsOf, planKnown, type Bucket, type Piece, type Planning } from './excursions';

const HOUR = 3_600_000;
const limit = { trigger: 80, clear: 75, critical: 95, delaySeconds: 0 };
type Ends = [low: number, high: number];
/** Buckets one after the other, each with its least and greatest. */
const buckets = (ends: Ends[], widthMs = HOUR, from = 0): Bucket[] =>
  ends.map(([low, high], index) => ({ at: from + index * widthMs, low: low * 100, high: high * 100 }));
const times = (count: number, one: Ends) => Array.from({ length: count }, () => one);
const planning: Planning = { limit, widthMs: HOUR, span: { from: 0, to: 100 * HOUR }, whole: false };
/** Hours, as `1-3`; in brackets where they are calm. */
const short = (pieces: Piece[]) =>
  pieces
    .map(({ from, to, calm }) => (calm ? `(${from / HOUR}-${to / HOUR})` : `${from / HOUR}-${to / HOUR}`))
    .join(' ');

describe('what is read of the hours that matter', () => {
  it.each<[string, Ends[], string]>([
    ['none', [], ''],
    ['between clear and trigger without a breach', times(3, [76, 79]), ''],
    ['a spike, and the hour after it', [[50, 90]], '0-2'],
    ['in breach throughout', times(4, [81, 84]), '0-1 (1-2) (2-3) (3-4) 4-5'],
    [
      'a breach that lingers between clear and trigger',
      [
        [81, 84],
        [76, 79],
        [76, 79],
      ],
      '0-1 (1-2) (2-3) 3-4',
    ],
    [
      'of another level',
      [
        [81, 84],
        [81, 84],
        [96, 98],
        [96, 98],
        [91, 94],
        [81, 89],
      ],
      '0-1 (1-2) 2-3 (3-4) (4-5) 5-7',
    ],
    ['critical from the beginning', times(4, [94, 98]), '0-2 (2-3) (3-4) 4-5'],
    ['of both levels', times(3, [81, 96]), '0-4'],
  ])('%s', (_, ends, expected) => expect(short(planKnown(buckets(ends), planning))).toBe(expected));

  it('waits for the delay', () => {
    const hours = buckets(times(4, [81, 84]));
    const after = (delaySeconds: number) => short(planKnown(hours, { ...planning, limit: { ...limit, delaySeconds } }));
    expect(after(1)).toBe('0-1 (1-2) (2-3) (3-4) 4-5');
    expect(after(3601)).toBe('0-2 (2-3) (3-4) 4-5');
  });

  it('begins anew after an hour that is missing', () => {
    const hours = buckets(times(6, [81, 84])).filter((_, index) => index !== 2);
    expect(short(planKnown(hours, planning))).toBe('0-1 (1-2) 2-4 (4-5) (5-6) 6-7');
  });

  it('leaves nothing out when the whole is wanted', () =>
    expect(short(planKnown(buckets(times(4, [81, 84])), { ...planning, whole: true }))).toBe('0-5'));

  it('reads what the span cuts off of an hour, and never takes such an hour as a whole', () => {
    const span = { from: HOUR / 2, to: 3.5 * HOUR };
    expect(short(planKnown(buckets(times(4, [81, 84])), { ...planning, span }))).toBe('0.5-2 (2-3) 3-3.5');
  });
});

describe('what was read in a finer grain', () => {
  const quarter = HOUR / 4;
  const fine: Planning = { ...planning, widthMs: quarter };
  const piece = (from: number, to: number, calm: Bucket | null = null): Piece => ({
    from: from * HOUR,
    to: to * HOUR,
    calm,
  });

  it('is divided once more, without what cannot matter', () => {
    const read = buckets([[10, 20], [60, 90], ...times(3, [81, 84] as Ends), [76, 79], [10, 20], [10, 20]], quarter);
    expect(short(deepen([piece(0, 2)], [read], fine))).toBe('0.25-0.75 (0.75-1) (1-1.25) (1.25-1.5) 1.5-1.75');
  });

  it('goes on from one stretch to the next', () => {
    const calm = { at: HOUR, low: 8100, high: 8400 };
    const after = buckets(
      [
        [76, 79],
        [10, 20],
        [10, 20],
      ],
      quarter,
      2 * HOUR,
    );
    const pieces = [piece(0, 1), piece(1, 2, calm), piece(2, 3)];
    expect(short(deepen(pieces, [buckets([[81, 84]], quarter, 0.75 * HOUR), after], fine))).toBe('0.75-1 (1-2) 2-2.5');
    expect(finest(pieces, [[], after], limit).map(({ at }) => at / HOUR)).toEqual([2, 2.25]);
  });

  it('is nothing where no breach can be open', () =>
    expect(finest([piece(0, 1)], [buckets(times(4, [10, 79]), quarter)], limit)).toEqual([]));
});

describe('hundredths', () => {
  it.each([
    [80, 75, 8000, 7501],
    [80.1, 75.1, 8010, 7511],
    [80.005, 75.005, 8001, 7501],
    [0.29, 0.01, 29, 2],
    [1e6, 0, 1e8, 1],
  ])('of trigger %d and clear %d', (trigger, clear, hot, above) =>
    expect(hundredthsOf({ ...limit, trigger, clear })).toEqual({ hot, above }),
  );
});
