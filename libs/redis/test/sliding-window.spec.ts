import { Redis, SlidingWindow, slide, type WindowState } from '@lapwing/redis';
import { eventually, freePort, redisUrl } from '@lapwing/testing';
import { randomUUID } from 'node:crypto';

const limit = { limit: 10, windowMs: 60_000 };

/** So many requests at these times; returns the last verdict. */
function play(times: number[]) {
  let state: WindowState | undefined;
  return times.map((time) => {
    const { state: next, verdict } = slide(state, time, limit, 1);
    state = next;
    return verdict;
  });
}

describe('a sliding window', () => {
  it('allows as many as the limit, and says when there may be more', () => {
    const verdicts = play(Array.from({ length: 11 }, () => 0));
    expect(verdicts.map(({ allowed }) => allowed)).toEqual([...Array<boolean>(10).fill(true), false]);
    expect(verdicts.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]);
    expect(verdicts[10]?.retryAfterMs).toBe(66_000);
  });

  it('slides: two windows side by side do not let twice as many through', () => {
    const late = Array.from({ length: 10 }, () => 59_000);
    const soon = Array.from({ length: 10 }, () => 61_000);
    expect(play([...late, ...soon]).filter(({ allowed }) => allowed)).toHaveLength(10);
  });

  it('keeps its word: after retryAfterMs there may be one more, and just before there may not', () => {
    for (const [count, at] of [
      [10, 0],
      [10, 30_000],
      [7, 59_999],
    ] as const) {
      let state: WindowState | undefined;
      for (let index = 0; index < count; index++) ({ state } = slide(state, at, limit, 1));
      const later = at + 60_000;
      let verdict;
      do ({ state, verdict } = slide(state, later, limit, 1));
      while (verdict.allowed);
      expect(slide(state, later + verdict.retryAfterMs, limit, 0).verdict.allowed).toBe(true);
      expect(slide(state, later + verdict.retryAfterMs - 2, limit, 0).verdict.allowed).toBe(false);
    }
  });

  it('forgets after two windows', () => {
    const state = { slot: 0, count: 10, previous: 10 };
    expect(slide(state, 120_000, limit, 1).verdict).toMatchObject({ allowed: true, remaining: 9 });
  });

  it('in Redis: shared by all, counted once, refused beyond the limit', async () => {
    const connections = [new Redis(redisUrl()), new Redis(redisUrl())];
    for (const connection of connections) connection.onModuleInit();
    const key = randomUUID();
    const windows = connections.map(
      (redis) => new SlidingWindow(redis, { name: 'test', limit: 20, windowMs: 600_000 }),
    );
    await eventually(() => Promise.all(windows.map((window) => window.look(key))));
    const verdicts = await Promise.all(Array.from({ length: 50 }, (_, index) => windows[index % 2]?.take(key)));
    expect(verdicts.filter((verdict) => verdict?.allowed)).toHaveLength(20);
    const refused = await windows[0]?.take(key);
    expect(refused).toMatchObject({ allowed: false, limit: 20, remaining: 0 });
    expect(refused?.retryAfterMs).toBeGreaterThan(0);
    expect((await windows[1]?.look(randomUUID()))?.remaining).toBe(20);
    for (const connection of connections) connection.onApplicationShutdown();
  });

  it('says UNAVAILABLE when Redis is away', async () => {
    const redis = new Redis(`redis://127.0.0.1:${await freePort()}`);
    redis.onModuleInit();
    await expect(new SlidingWindow(redis, { name: 'test', ...limit }).take('x')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    redis.onApplicationShutdown();
  });
});
