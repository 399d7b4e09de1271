import { Pace } from './pace';

describe('the pace of what is told', () => {
  it('is slower the longer a trouble lasts, down to every ten minutes, and begins anew after a long peace', () => {
    let now = 0;
    const pace = new Pace(() => now);
    const told: number[] = [];
    for (; now < 7_200_000; now += 500) if (pace.isDue) told.push(now);
    expect(told.slice(0, 4)).toEqual([0, 1000, 3000, 7000]);
    expect(told.length).toBeLessThan(25);
    expect((told.at(-1) ?? 0) - (told.at(-2) ?? 0)).toBe(600_000);
    now += 1_300_000;
    expect(pace.isDue).toBe(true);
    now += 1000;
    expect(pace.isDue).toBe(true);
  });
});
