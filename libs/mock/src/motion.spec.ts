import { hashOf, hex, pick, unit } from './hash';
import { DAY, MINUTE, drift, sinceLast, swing, uptimeOf } from './motion';

const NOW = Date.UTC(2025, 0, 15, 9, 30);
const seeds = Array.from({ length: 200 }, (_, index) => hashOf(`thing ${index}`));

describe('hashes', () => {
  it('are numbers from 0 up to 1, spread evenly', () => {
    const units = seeds.map((seed) => unit(seed, 1));
    expect(Math.min(...units)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...units)).toBeLessThan(1);
    expect(units.reduce((sum, one) => sum + one, 0) / units.length).toBeCloseTo(0.5, 1);
    expect(new Set(units).size).toBe(seeds.length);
  });

  it('choose among all, and write as many digits as are asked for', () => {
    expect(new Set(seeds.map((seed) => pick(seed, 1, ['a', 'b', 'c'])))).toEqual(new Set(['a', 'b', 'c']));
    expect(hex(1, 1, 64)).toMatch(/^[0-9a-f]{64}$/);
    expect(hex(1, 1, 6)).toHaveLength(6);
  });
});

describe.each([
  ['swing', swing, 2000, 0.06],
  ['drift', drift, MINUTE, 0.05],
] as const)('%s', (_name, move, step, most) => {
  const walk = (seed: number) =>
    Array.from({ length: 300 }, (__, index) => move(seed, { now: NOW + index * step, moving: true }));

  it('stays between −1 and 1, moves, and does not jump', () => {
    for (const seed of seeds) {
      const values = walk(seed);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1);
      expect(new Set(values).size).toBeGreaterThan(290);
      const jumps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? 0)));
      expect(Math.max(...jumps)).toBeLessThan(most);
    }
  });

  it('is different for each thing, and stands still on demand', () => {
    expect(new Set(seeds.map((seed) => move(seed, { now: NOW, moving: true }))).size).toBe(seeds.length);
    expect(move(1, { now: NOW, moving: false })).toBe(0);
  });
});

it('the day is busier than the night', () => {
  const mean = (hour: number): number => {
    const now = Date.UTC(2025, 0, 15, hour);
    return seeds.reduce((sum, seed) => sum + swing(seed, { now, moving: true }), 0) / seeds.length;
  };
  expect(mean(14)).toBeGreaterThan(mean(2) + 0.3);
});

it('ages grow with time and begin anew at the end of a period', () => {
  for (const seed of seeds) {
    const uptime = uptimeOf(seed, NOW);
    expect(uptime).toBeGreaterThanOrEqual(0);
    expect(uptime).toBeLessThanOrEqual((60 * DAY) / 1000);
    const age = sinceLast(seed, NOW, DAY);
    expect(sinceLast(seed, NOW + DAY, DAY)).toBe(age);
    expect(sinceLast(seed, NOW - age + 5, DAY)).toBe(5);
  }
});
