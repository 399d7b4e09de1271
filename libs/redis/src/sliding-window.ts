import type { Redis } from './redis.js';

/** What a limit says about one more request. */
export interface Verdict {
  allowed: boolean;
  limit: number;
  /** How many more there may be now. */
  remaining: number;
  /** When there may be another one, milliseconds from now; 0 when at once. */
  retryAfterMs: number;
  /** When the present slot of time is over, milliseconds from now. */
  resetMs: number;
}

/** A limit: so many within a window. */
export interface Limit {
  /** Part of the key in Redis. */
  name: string;
  limit: number;
  windowMs: number;
}

/** What a window has counted: in its present slot of time and in the one before. */
export interface WindowState {
  slot: number;
  count: number;
  previous: number;
}

/**
 * Counts one more request, unless that is too many. The window slides: of the slot of time before the present one counts
 * the share that the window still covers, as if its requests had been spread evenly. The script in Redis says the same.
 * @param cost 1 to count, 0 to look only.
 */
export function slide(
  state: WindowState | undefined,
  now: number,
  { limit, windowMs }: Omit<Limit, 'name'>,
  cost: 0 | 1,
): { state: WindowState; verdict: Verdict } {
  const slot = Math.floor(now / windowMs);
  const age = state ? slot - state.slot : 2;
  let count = age === 0 ? (state?.count ?? 0) : 0;
  const previous = age === 0 ? (state?.previous ?? 0) : age === 1 ? (state?.count ?? 0) : 0;
  const elapsed = now - slot * windowMs;
  const before = (previous * (windowMs - elapsed)) / windowMs;
  const allowed = before + count + 1 <= limit;
  if (allowed) count += cost;
  return {
    state: { slot, count, previous },
    verdict: verdictOf({ allowed, count, previous, elapsed }, limit, windowMs),
  };
}

function verdictOf(
  { allowed, count, previous, elapsed }: { allowed: boolean; count: number; previous: number; elapsed: number },
  limit: number,
  windowMs: number,
): Verdict {
  const used = (previous * (windowMs - elapsed)) / windowMs + count;
  const remaining = Math.max(Math.floor(limit - used), 0);
  const resetMs = windowMs - elapsed;
  if (allowed) return { allowed, limit, remaining, retryAfterMs: 0, resetMs };
  // The share of the slot before must shrink to what is left; when the present slot is full, it becomes the one before.
  const wait = (full: number, free: number): number => Math.ceil(windowMs * (1 - Math.max(free, 0) / full));
  const retryAfterMs =
    count + 1 <= limit ? wait(previous, limit - 1 - count) - elapsed : windowMs - elapsed + wait(count, limit - 1);
  return { allowed, limit, remaining: 0, retryAfterMs: Math.max(retryAfterMs, 1), resetMs };
}

const SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, limit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local slot = math.floor(now / window)
local kept = redis.call('HMGET', KEYS[1], 'slot', 'count', 'previous')
local age = kept[1] and slot - tonumber(kept[1]) or 2
local count = age == 0 and tonumber(kept[2]) or 0
local previous = age == 0 and tonumber(kept[3]) or age == 1 and tonumber(kept[2]) or 0
local elapsed = now - slot * window
local allowed = previous * (window - elapsed) / window + count + 1 <= limit
if allowed and cost > 0 then
  count = count + cost
  redis.call('HSET', KEYS[1], 'slot', slot, 'count', count, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], window * 2)
end
return { allowed and 1 or 0, count, previous, elapsed }`;

/** Limits that all replicas share. */
export class SlidingWindow {
  constructor(
    private readonly redis: Redis,
    readonly limit: Limit,
  ) {}

  /** Counts a request of `key`, unless it is one too many. Throws `UNAVAILABLE` without Redis. */
  take(key: string): Promise<Verdict> {
    return this.#run(key, 1);
  }

  /** What {@link take} would say now. */
  look(key: string): Promise<Verdict> {
    return this.#run(key, 0);
  }

  async #run(key: string, cost: 0 | 1): Promise<Verdict> {
    const { name, limit, windowMs } = this.limit;
    const answer = await this.redis.script(SCRIPT, [`lapwing:limit:${name}:${key}`], [windowMs, limit, cost]);
    const [allowed, count = 0, previous = 0, elapsed = 0] = answer as number[];
    return verdictOf({ allowed: allowed === 1, count, previous, elapsed }, limit, windowMs);
  }
}
