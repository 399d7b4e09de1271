import { MAX_WAIT_MS, REFUSED_WAIT_MS, waitAfter } from './backoff';
import { OPEN_MS, admits, closed, failed } from './breaker';
import { Kept } from './kept';
import { partsOf } from './parts';
import { Rates } from './rates';
import { addressesOf } from './subnet';

describe('the wait before the next poll', () => {
  it.each([
    [0, false, 10_000],
    [1, false, 10_000],
    [3, false, 10_000],
    [5, false, 40_000],
    [50, false, MAX_WAIT_MS],
    [4, true, 20_000],
    [5, true, REFUSED_WAIT_MS],
  ])('after %d failures (refused: %s) is about %d ms', (failures, refused, expected) => {
    expect(waitAfter(10_000, failures, refused, 0.5)).toBe(expected);
    expect(waitAfter(10_000, failures, refused, 0.999)).toBeLessThanOrEqual(expected * 1.2);
    expect(waitAfter(10_000, failures, refused, 0)).toBeGreaterThanOrEqual(expected * 0.8);
  });
});

describe('a breaker', () => {
  it('opens at the third failure in a row, and lets one attempt through when its while is over', () => {
    const twice = failed(failed(closed, 0), 0);
    expect(admits(twice, 0)).toBe(true);
    const open = failed(twice, 1000);
    expect(admits(open, 1000)).toBe(false);
    expect(admits(open, 1000 + OPEN_MS)).toBe(true);
    expect(admits(failed(open, 50_000), 50_001)).toBe(false);
  });
});

describe('rates', () => {
  const rates = (...looks: [counter: number, seconds: number][]): number[] => {
    const book = new Rates();
    return looks.map(([counter, seconds]) => book.of('a', [counter], seconds * 1000)[0] ?? Number.NaN);
  };

  it('are differences by time, 0 at the first look', () => {
    expect(rates([1000, 0], [3000, 10], [3500, 20])).toEqual([0, 200, 50]);
  });

  it('are 0 when a counter ran backwards, and count anew from there', () => {
    expect(rates([1000, 0], [3000, 10], [10, 20], [110, 30])).toEqual([0, 200, 0, 10]);
  });

  it('stay while counters are not refreshed, for half a minute, and then divide by the whole time', () => {
    expect(rates([0, 0], [1000, 10], [1000, 20], [1000, 40], [1000, 50])).toEqual([0, 100, 100, 100, 0]);
    expect(rates([0, 0], [1000, 10], [1000, 20], [3000, 30])).toEqual([0, 100, 100, 100]);
  });

  it('are forgotten with what is gone', () => {
    const book = new Rates();
    book.of('a', [1000], 0);
    book.tidy(700_000);
    expect(book.of('a', [9000], 700_000)).toEqual([0]);
  });
});

describe('parts', () => {
  const items = (count: number) => Array.from({ length: count }, (_, id) => ({ id, text: 'x'.repeat(500) }));
  const keyOf = ({ id }: { id: number }): string => String(id);

  it('are one for what is small, also for nothing', () => {
    expect(partsOf([], keyOf)).toEqual({ parts: [[]], dropped: 0 });
    expect(partsOf(items(10), keyOf).parts).toHaveLength(1);
  });

  it('hold everything once, each small enough for a message', () => {
    const { parts } = partsOf(items(5000), keyOf);
    expect(parts.flat().map(keyOf).toSorted()).toEqual(items(5000).map(keyOf).toSorted());
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(600_000);
  });

  it('hold each thing at the same place for as long as their number is the same', () => {
    const [all, fewer] = [partsOf(items(5000), keyOf).parts, partsOf(items(4990), keyOf).parts];
    expect(fewer).toHaveLength(all.length);
    const placeOf = (parts: { id: number }[][], id: number) =>
      parts.findIndex((part) => part.some((one) => one.id === id));
    for (const id of [0, 77, 4000]) expect(placeOf(fewer, id)).toBe(placeOf(all, id));
  });
});

describe('parts of nonsense', () => {
  it('leave out what is larger than anything can be', () => {
    const huge = { id: 1, text: 'x'.repeat(250_000) };
    const keyOf = ({ id }: { id: number }): string => String(id);
    expect(partsOf([huge, { id: 2, text: '' }], keyOf)).toMatchObject({ parts: [[{ id: 2 }]], dropped: 1 });
    const many = Array.from({ length: 300 }, (_, id) => ({ id, text: 'x'.repeat(100_000) }));
    const { parts, dropped } = partsOf(many, keyOf);
    expect(parts.flat().length + dropped).toBe(300);
    expect(dropped).toBeGreaterThan(100);
  });
});

describe('what is kept of places', () => {
  it('outlives a reading that failed, but not its place', () => {
    const kept = new Kept<number>();
    kept.set('a', [1]);
    kept.set('b', [2, 3]);
    kept.set('a', [4]);
    expect(kept.all()).toEqual([2, 3, 4]);
    kept.retain(['a']);
    expect(kept.all()).toEqual([4]);
  });

  it('is bounded', () => {
    const kept = new Kept<number>();
    kept.set(
      'a',
      Array.from({ length: 40_000 }, () => 1),
    );
    kept.set(
      'b',
      Array.from({ length: 40_000 }, () => 1),
    );
    expect(kept.all()).toHaveLength(50_000);
  });
});

describe('the addresses of a network', () => {
  it.each([
    ['192.168.1.0/30', ['192.168.1.1', '192.168.1.2']],
    ['192.168.1.7/32', ['192.168.1.7']],
    ['192.168.1.4/31', ['192.168.1.4', '192.168.1.5']],
    ['10.0.0.0/8', []],
    ['300.0.0.0/24', []],
    ['nonsense', []],
  ])('of %s', (cidr, addresses) => expect(addressesOf(cidr)).toEqual(addresses));

  it('are 1022 at most', () => expect(addressesOf('10.1.2.3/22')).toHaveLength(1022));
});
