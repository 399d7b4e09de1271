import { defaultAlertConfig } from '@lapwing/contracts';
import { isFlapping, noteChange, steady, type FlapRule, type FlapState } from './flapping';

const SECOND = 1000;
const MINUTE = 60_000;
const after = (seconds: number[], rule: FlapRule = defaultAlertConfig.flapping): FlapState =>
  seconds.reduce((state, second) => noteChange(state, second * SECOND, rule), steady);

describe('a signal that changes', () => {
  it.each<[string, number[], number | null]>([
    ['once', [0], null],
    ['four times', [0, 10, 20, 30], null],
    ['five times within the window', [0, 10, 20, 30, 40], 40],
    ['five times just within the window', [0, 10, 20, 30, 299], 299],
    ['five times in just more than the window', [0, 10, 20, 30, 300], null],
    ['slowly', [0, 100, 200, 300, 400, 500, 600], null],
    ['a sixth time while muted', [0, 10, 20, 30, 40, 1800], 1800],
    ['after it was muted', [0, 10, 20, 30, 40, 1840], null],
    ['in the order in which word of it came', [10, 0, 30, 20, 40], 40],
  ])('%s', (_, seconds, last) =>
    expect(after(seconds).mutedUntil).toBe(last === null ? null : last * SECOND + 30 * MINUTE),
  );
  it('is muted until the cooldown is over', () => {
    const state = after([0, 10, 20, 30, 40]);
    const until = 40 * SECOND + 30 * MINUTE;
    expect([40 * SECOND, until - 1, until].map((at) => isFlapping(state, at))).toEqual([true, true, false]);
    expect(isFlapping(steady, 0)).toBe(false);
  });
  it('is remembered within a bound', () => {
    const state = after(Array.from({ length: 1000 }, (_, index) => index / 100));
    expect(state.changes).toEqual([9950, 9960, 9970, 9980, 9990]);
  });
  it('is forgotten when the rule is switched off', () =>
    expect(noteChange(after([0, 10, 20, 30, 40]), 50_000, { ...defaultAlertConfig.flapping, enabled: false })).toEqual(
      steady,
    ));
  it('does not count what a clock said that was far ahead', () => {
    const state = after([1e6, 1e6, 1e6, 1e6, 0]);
    expect(state).toEqual({ changes: [0], mutedUntil: null });
  });
  it('is muted at once with a threshold of one', () =>
    expect(after([7], { ...defaultAlertConfig.flapping, threshold: 1 })).toEqual({
      changes: [7000],
      mutedUntil: 7000 + 30 * MINUTE,
    }));
  it('leaves what was remembered as it was', () => {
    const before = after([0, 10]);
    noteChange(before, 20_000, defaultAlertConfig.flapping);
    expect(before.changes).toEqual([0, 10_000]);
  });
});
