import { seeded } from '@lapwing/testing';
import { percentileIndex, percentiles, statisticsOf } from './pipeline';

/** The rule as it is written down: sort the list, and take what stands at int(n * p / 100), or at the end. */
function naive(list: readonly number[], p: number): number {
  const sorted = list.toSorted((one, other) => one - other);
  return sorted[Math.min(Math.trunc((sorted.length * p) / 100), sorted.length - 1)] ?? Number.NaN;
}

function merged(list: readonly number[]) {
  const counts = new Map<number, number>();
  for (const value of list) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].toSorted(([one], [other]) => one - other);
  return {
    values: sorted.map(([value]) => value),
    counts: sorted.map(([, count]) => count),
    sum: list.reduce((sum, value) => sum + value, 0),
    min: Math.min(...list),
    max: Math.max(...list),
  };
}

describe('percentiles', () => {
  it.each([
    [1, 50, 0],
    [1, 99, 0],
    [2, 50, 1],
    [10, 95, 9],
    [100, 50, 50],
    [100, 99, 99],
    [100, 100, 99],
    [101, 99, 99],
    [1000, 0, 0],
  ])('of %i values, number %i stands at %i', (n, p, at) => {
    expect(percentileIndex(n, p)).toBe(at);
  });

  it('are those of a sorted list, in 2000 lists of chance', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = seeded(seed);
      const different = 1 + Math.floor(random() * 50);
      const list = Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * different) / 4);
      const ps = [0, 50, 90, 95, 99, 100];
      expect({ seed, found: percentiles(merged(list), ps) }).toEqual({ seed, found: ps.map((p) => naive(list, p)) });
      expect(statisticsOf(merged(list))).toMatchObject({
        min: Math.min(...list),
        max: Math.max(...list),
        p50: naive(list, 50),
        p95: naive(list, 95),
        p99: naive(list, 99),
        count: list.length,
      });
    }
  });

  it('never pass the least and the greatest, which were not rounded', () => {
    const one = { values: [12.4], counts: [1], sum: 12.35, min: 12.35, max: 12.35 };
    expect(statisticsOf(one)).toEqual({
      avg: 12.35,
      min: 12.35,
      max: 12.35,
      p50: 12.35,
      p95: 12.35,
      p99: 12.35,
      count: 1,
    });
  });

  it('are none of nothing', () => {
    expect(statisticsOf({ values: [], counts: [], sum: 0, min: 0, max: 0 })).toBeNull();
    expect(percentiles({ values: [], counts: [] }, [50])).toEqual([]);
  });
});
