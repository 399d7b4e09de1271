import { checkVolume, defaultStep, step, toVolume } from './volume.view';

const HOUR = 3_600_000;

describe('a histogram', () => {
  it.each([
    ['30', 30],
    ['30s', 30],
    ['5m', 300],
    ['1h', 3600],
    ['1d', 86_400],
    ['366d', 31_622_400],
  ])('takes a step of %s', (text, seconds) => {
    expect(step.parse(text)).toBe(seconds);
  });

  it.each(['0', '-1', '', '1.5', '1w', '367d', '99999999d', 'm'])('refuses a step of "%s"', (text) => {
    expect(step.safeParse(text).success).toBe(false);
  });

  it.each([
    [1000, 1],
    [60_000, 1],
    [5 * 60_000, 5],
    [HOUR, 60],
    [6 * HOUR, 600],
    [24 * HOUR, 1800],
    [7 * 24 * HOUR, 21_600],
    [90 * 24 * HOUR, 86_400],
    [365 * 24 * HOUR, 86_400],
    [20_000 * 24 * HOUR, 21 * 86_400],
  ])('of %d ms has steps of %d s, and few enough of them', (span, seconds) => {
    const to = 1768473000123;
    expect(defaultStep(to - span, to)).toBe(seconds);
    expect(() => checkVolume({ from: to - span, to, step: seconds })).not.toThrow();
  });

  it('has every bucket, from the one in which it begins to the one in which it ends', () => {
    const at = Date.UTC(2026, 0, 15, 10);
    const buckets = [{ time: at + 60_000, counts: { error: 2, info: 3 } }];
    const zero = { total: 0, debug: 0, info: 0, notice: 0, warning: 0, error: 0, critical: 0 };
    expect(toVolume({ from: at + 30_000, to: at + 120_001, step: 60 }, { buckets })).toEqual({
      from: '2026-01-15T10:00:30.000Z',
      to: '2026-01-15T10:02:00.001Z',
      step: 60,
      buckets: [
        { ...zero, timestamp: '2026-01-15T10:00:00.000Z' },
        { ...zero, timestamp: '2026-01-15T10:01:00.000Z', total: 5, info: 3, error: 2 },
        { ...zero, timestamp: '2026-01-15T10:02:00.000Z' },
      ],
    });
    expect(toVolume({ from: at, to: at + 120_000, step: 60 }, { buckets: [] }).buckets).toHaveLength(2);
  });

  it('has 1000 buckets at most', () => {
    expect(() => checkVolume({ from: 0, to: 1_000_000, step: 1 })).not.toThrow();
    expect(() => checkVolume({ from: 1, to: 1_000_001, step: 1 })).toThrow('at most 1000 buckets, these are 1001');
  });
});
