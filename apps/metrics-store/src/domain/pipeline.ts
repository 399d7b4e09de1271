import type { MeasureStatistics } from '@lapwing/contracts';

/** Values of one measure, merged: ascending, with how often each came; sum, least and greatest are exact. Milliseconds. */
export interface MergedValues {
  values: readonly number[];
  counts: readonly number[];
  sum: number;
  min: number;
  max: number;
}

/**
 * The place of a percentile in a sorted list (docs/operations.md): `int(n * p / 100)`, and never behind the last.
 * @param n how many values there are, at least 1.
 * @param p 0 to 100.
 */
export const percentileIndex = (n: number, p: number): number => Math.min(Math.floor((n * p) / 100), n - 1);

/**
 * Percentiles of values that are given with how often each came, as if each stood in the list so often.
 * @param ps ascending, 0 to 100.
 * @returns one for each of `ps`; none when there is no value.
 */
export function percentiles(
  { values, counts }: Pick<MergedValues, 'values' | 'counts'>,
  ps: readonly number[],
): number[] {
  const n = counts.reduce((sum, count) => sum + count, 0);
  const found: number[] = [];
  let upTo = 0;
  for (let at = 0; at < values.length && found.length < ps.length; at++) {
    upTo += counts[at] ?? 0;
    while (found.length < ps.length && percentileIndex(n, ps[found.length] ?? 100) < upTo) found.push(values[at] ?? 0);
  }
  return found;
}

/** Statistics of a measure; null without values. What was rounded never passes the least or the greatest. */
export function statisticsOf(merged: MergedValues): MeasureStatistics | null {
  const { counts, sum, min, max } = merged;
  const count = counts.reduce((total, one) => total + one, 0);
  if (count === 0) return null;
  const [p50, p95, p99] = percentiles(merged, [50, 95, 99]).map((value) => Math.min(Math.max(value, min), max));
  return { avg: sum / count, min, max, p50: p50 ?? max, p95: p95 ?? max, p99: p99 ?? max, count };
}
