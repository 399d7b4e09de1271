import { PipelineMeter } from './meter';
import { elapsed, isLive } from './passage';

const MINUTE = 60_000;
const T0 = 1_000_000 * MINUTE;

describe('a meter', () => {
  let meter: PipelineMeter;
  beforeEach(() => (meter = new PipelineMeter()));

  const unsaid = () => meter.unsaid().map(({ minute: { minute }, count }) => [(minute - T0) / MINUTE, count]);

  it('says a minute whole each time, until nothing comes any more', () => {
    meter.add('watch', 5, T0 + 1);
    meter.add('detect', 0.5, T0 + 2);
    expect(meter.unsaid()).toEqual([
      {
        count: 2,
        minute: {
          minute: T0,
          measures: {
            watch: { values: [5], counts: [1], sum: 5, min: 5, max: 5 },
            detect: { values: [0.5], counts: [1], sum: 0.5, min: 0.5, max: 0.5 },
          },
        },
      },
    ]);
    meter.noteSaid(T0, 2);
    expect(unsaid()).toEqual([]);
    meter.add('watch', 7, T0 + 59_999);
    expect(meter.unsaid()[0]?.minute.measures.watch).toMatchObject({ values: [5, 7], sum: 12 });
  });

  it('keeps what was added while it was being said', () => {
    meter.add('watch', 5, T0);
    meter.add('watch', 6, T0 + MINUTE);
    meter.add('watch', 7, T0 + MINUTE);
    meter.noteSaid(T0 + MINUTE, 1);
    expect(unsaid()).toEqual([
      [0, 1],
      [1, 2],
    ]);
    meter.noteSaid(T0, 1);
    expect(unsaid()).toEqual([[1, 2]]);
  });

  it('goes on with the minute that it has when the clock goes back', () => {
    meter.add('watch', 5, T0 + MINUTE);
    meter.add('watch', 6, T0);
    expect(unsaid()).toEqual([[1, 2]]);
  });

  it('gives up the oldest of more than an hour', () => {
    for (let at = 0; at < 75; at++) meter.add('total', at, T0 + at * MINUTE);
    expect(unsaid()).toHaveLength(60);
    expect(unsaid()[0]).toEqual([15, 1]);
    // What is given up is given up: that it was said after all brings nothing back.
    meter.noteSaid(T0, 1);
    expect(unsaid()).toHaveLength(60);
  });
});

describe('the passage of a sample', () => {
  it.each([
    ['comes at once', 0, 100, 0, true],
    ['comes after a minute', 0, 60_000, 0, true],
    ['is back-fill', 0, 60_001, 0, false],
    ['is of a clock that is ahead', 5000, 0, 0, true],
    ['lay there a minute before anybody judged', 0, 10, 60_010, true],
    ['lay there for longer', 0, 10, 60_011, false],
  ])('counts, or not, when it %s', (_, takenAt, storedAt, since, counts) => {
    expect(isLive(T0 + takenAt, T0 + storedAt, T0 + since)).toBe(counts);
  });

  it('takes no less than nothing', () => {
    expect([elapsed(5, 7), elapsed(7, 5)]).toEqual([2, 0]);
  });
});
