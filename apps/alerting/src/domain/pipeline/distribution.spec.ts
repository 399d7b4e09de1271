import { Distribution as Written, MAX_DISTINCT_VALUES } from '@lapwing/contracts';
import { seeded } from '@lapwing/testing';
import { Distribution } from './distribution';

function of(values: readonly number[]) {
  const distribution = new Distribution();
  for (const value of values) distribution.add(value);
  return distribution.written();
}
/** The written values, each as often as it came. */
const listed = ({ values, counts }: Written): number[] =>
  values.flatMap((value, at) => Array.from({ length: counts[at] ?? 0 }, () => value));

describe('a distribution', () => {
  it('rounds to three significant digits, and keeps sum, least and greatest as they are', () => {
    expect(of([1.2345, 1.2311, 12.35, 999.6, 1000, 0.00123456, 8])).toEqual({
      values: [0.001_23, 1.23, 8, 12.4, 1000],
      counts: [1, 2, 1, 1, 2],
      sum: 1.2345 + 1.2311 + 12.35 + 999.6 + 1000 + 0.001_234_56 + 8,
      min: 0.001_234_56,
      max: 1000,
    });
  });

  it('counts what is less than nothing as nothing, and more than a day as a day', () => {
    expect(of([-5, 0, 0.0004, 1e12])).toEqual({
      values: [0, 86_400_000],
      counts: [3, 1],
      sum: 86_400_000.0004,
      min: 0,
      max: 86_400_000,
    });
  });

  it('is off by half a percent at most, whatever comes', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seeded(seed);
      const values = Array.from({ length: 1 + Math.floor(random() * 400) }, () => 10 ** (random() * 10 - 2.9));
      const written = of(values);
      expect(Written.safeParse(written).error).toBeUndefined();
      const sorted = values.toSorted((one, other) => one - other);
      for (const [at, value] of listed(written).entries()) {
        const exact = sorted[at] ?? Number.NaN;
        expect(Math.abs(value - exact)).toBeLessThanOrEqual(exact * 0.005_000_1);
      }
      expect(written.min).toBe(sorted[0]);
      expect(written.max).toBe(sorted.at(-1));
    }
  });

  it('stays small, and true to a tenth, when everything differs', () => {
    const random = seeded(7);
    const values = Array.from({ length: 100_000 }, () => 10 ** (random() * 10.9 - 3));
    const written = of(values);
    expect(written.values.length).toBeLessThanOrEqual(MAX_DISTINCT_VALUES);
    expect(written.counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
    expect(Written.safeParse(written).error).toBeUndefined();
    const sorted = values.toSorted((one, other) => one - other);
    const all = listed(written);
    for (const at of [0, 10_000, 50_000, 95_000, 99_999]) {
      const exact = sorted[at] ?? Number.NaN;
      expect(Math.abs((all[at] ?? Number.NaN) - exact)).toBeLessThanOrEqual(exact * 0.1);
    }
  });
});
