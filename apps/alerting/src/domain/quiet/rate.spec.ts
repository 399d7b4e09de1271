import { MAX_PER_HOUR, mayTell, noteTold, nothingTold, type Permission, type RateLimits, type RateState } from './rate';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const told = (minutes: number[], limits: RateLimits): RateState =>
  minutes.reduce((state, minute) => noteTold(state, minute * MINUTE, limits), nothingTold);
const no = (why: 'cooldown' | 'hourly cap', minute: number): Permission => ({ ok: false, why, until: minute * MINUTE });
const ok: Permission = { ok: true };

describe('how often somebody is told', () => {
  const limits = (cooldownMinutes: number, maxPerHour: number): RateLimits => ({ cooldownMinutes, maxPerHour });
  it.each<[string, number[], number, RateLimits, Permission]>([
    ['the first time', [], 0, limits(5, 10), ok],
    ['within the cooldown', [0], 4, limits(5, 10), no('cooldown', 5)],
    ['after the cooldown', [0], 5, limits(5, 10), ok],
    ['without a cooldown', [0], 0, limits(0, 10), ok],
    ['without any limit', [0, 0, 0], 0, limits(0, 0), ok],
    ['with a cooldown of more than an hour', [0], 119, limits(120, 0), no('cooldown', 120)],
    ['with a cooldown and no cap', [0, 10, 20], 24, limits(5, 0), no('cooldown', 25)],
    ['below the cap', [0, 10], 20, limits(0, 3), ok],
    ['at the cap', [0, 10, 20], 30, limits(0, 3), no('hourly cap', 60)],
    ['an hour after the first', [0, 10, 20], 60, limits(0, 3), ok],
    ['at the cap again', [0, 10, 20, 60], 61, limits(0, 3), no('hourly cap', 70)],
    ['at a cap of one', [0, 60], 61, limits(0, 1), no('hourly cap', 120)],
    ['both, the cap for longer', [0, 10, 20], 21, limits(5, 3), no('hourly cap', 60)],
    ['both, the cooldown for longer', [0, 10, 20], 21, limits(50, 3), no('cooldown', 70)],
    ['after a clock was far ahead', [100_000], 0, limits(5, 1), ok],
  ])('%s', (_, minutes, minute, rate, expected) =>
    expect(mayTell(told(minutes, rate), minute * MINUTE, rate)).toEqual(expected),
  );
  it('follows a cap that was lowered', () =>
    expect(mayTell(told([0, 10, 20], limits(0, 10)), 30 * MINUTE, limits(0, 2))).toEqual(no('hourly cap', 70)));
  it.each<[number, number]>([
    [0, 1],
    [3, 3],
    [1_000_000, MAX_PER_HOUR],
  ])('with a cap of %d remembers %d', (cap, expected) => {
    const many = Array.from({ length: 1200 }, (_, index) => index / 1000);
    expect(told(many, limits(0, cap)).sent).toHaveLength(expected);
  });
  it('remembers no longer than an hour, but always the last', () => {
    expect(told([0, 30, 90], limits(0, 10)).sent).toEqual([90 * MINUTE]);
    expect(noteTold({ sent: [0] }, HOUR - 1, limits(0, 10)).sent).toEqual([0, HOUR - 1]);
  });
  it('never lets more than the cap through in any hour', () => {
    const rate = limits(1, 7);
    let state = nothingTold;
    const sent: number[] = [];
    for (let at = 0; at < 6 * HOUR; at += 17_000) {
      if (!mayTell(state, at, rate).ok) continue;
      state = noteTold(state, at, rate);
      sent.push(at);
    }
    const most = Math.max(...sent.map((at) => sent.filter((one) => one > at - HOUR && one <= at).length));
    expect(most).toBe(7);
    expect(sent.length).toBeGreaterThan(35);
  });
});
