import { retryAt } from './retry';

const NOW = 1_000_000;
const HOUR_MS = 3_600_000;

describe('the next attempt', () => {
  it.each<[attempt: number, seconds: number | null]>([
    [1, 5],
    [2, 15],
    [3, 60],
    [4, 300],
    [5, 900],
    [6, 1800],
    [7, 3600],
    [8, 3600],
    [9, null],
    [100, null],
    [0, null],
  ])('after number %d comes in %p s', (attempt, seconds) =>
    expect(retryAt({ retryable: true }, attempt, NOW)).toBe(seconds === null ? null : NOW + seconds * 1000),
  );
  it('never comes where there is no sense in it', () =>
    expect(retryAt({ retryable: false, retryAfterMs: 5 }, 1, NOW)).toBeNull());
  it.each<[string, retryAfterMs: number, attempt: number, ms: number]>([
    ['waits as long as it is asked to', 90_000, 1, 90_000],
    ['waits no less than it would', 1000, 3, 60_000],
    ['does not wait longer than six hours', 9 * HOUR_MS, 1, 6 * HOUR_MS],
    ['does not wait for ever', Number.POSITIVE_INFINITY, 1, 6 * HOUR_MS],
    ['does not go back', -5, 1, 5000],
  ])('%s', (_name, retryAfterMs, attempt, ms) =>
    expect(retryAt({ retryable: true, retryAfterMs }, attempt, NOW)).toBe(NOW + ms),
  );
});
