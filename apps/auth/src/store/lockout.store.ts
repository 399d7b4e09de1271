import { addressBlock, loginLimit } from '@lapwing/contracts';
import { SlidingWindow, type Redis, type Verdict } from '@lapwing/redis';
import { hashOf } from '../domain/credentials.js';

/** So many failures lock. */
export const MAX_FAILURES = 5;
const LOCK_MS = 900_000;

/** What an attempt may do. */
export type Attempt =
  | { state: 'open'; attempts: number }
  /** Until when, milliseconds from now. */
  | { state: 'locked'; remainingMs: number }
  /** As many attempts as may fail are being checked at this moment. */
  | { state: 'busy' };

/*
 * An attempt is counted before the password is looked at, so that many at once cannot all slip by; it is taken back when
 * it was none, and all are forgotten when one succeeds. KEYS: lock and failures of the name, lock and failures of the address.
 */
const BEGIN = `
local left = math.max(redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[3]))
if left > 0 then return { 2, left } end
local most = 0
for _, key in ipairs({ KEYS[2], KEYS[4] }) do
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('PEXPIRE', key, ARGV[2]) end
  most = math.max(most, count)
end
if most <= tonumber(ARGV[1]) then return { 0, most } end
redis.call('DECR', KEYS[2])
redis.call('DECR', KEYS[4])
return { 1, 0 }`;

const FAIL = `
local locked, most = 0, 0
for index = 1, 3, 2 do
  local count = tonumber(redis.call('GET', KEYS[index + 1]) or 0)
  most = math.max(most, count)
  if count >= tonumber(ARGV[1]) then
    redis.call('SET', KEYS[index], 1, 'PX', ARGV[2])
    redis.call('DEL', KEYS[index + 1])
    locked = 1
  end
end
return { locked, most }`;

const UNDO = `
for _, key in ipairs({ KEYS[2], KEYS[4] }) do
  if redis.call('EXISTS', key) == 1 then redis.call('DECR', key) end
end`;

/** Failed logins, by user name and by address, and the locks that come of them. All replicas share them. */
export class LockoutStore {
  readonly #logins: SlidingWindow;

  constructor(private readonly redis: Redis) {
    this.#logins = new SlidingWindow(redis, loginLimit);
  }

  /** Counts one of ten attempts a minute of an address. */
  limit(address: string): Promise<Verdict> {
    return this.#logins.take(addressBlock(address));
  }

  /** Begins an attempt, unless the name or the address is locked; a lock is not prolonged by it. */
  async begin(username: string, address: string): Promise<Attempt> {
    const [state, value = 0] = await this.#run(BEGIN, username, address);
    if (state === 2) return { state: 'locked', remainingMs: value };
    return state === 1 ? { state: 'busy' } : { state: 'open', attempts: value };
  }

  /** The attempt failed. */
  async fail(username: string, address: string): Promise<{ locked: boolean; attempts: number; lockMs: number }> {
    const [locked, attempts = 0] = await this.#run(FAIL, username, address);
    return { locked: locked === 1, attempts, lockMs: LOCK_MS };
  }

  /** The attempt was none: it neither failed nor succeeded. */
  async undo(username: string, address: string): Promise<void> {
    await this.#run(UNDO, username, address);
  }

  /** The attempt succeeded: failures are forgotten. */
  async succeed(username: string, address: string): Promise<void> {
    const [, name, , from] = keysOf(username, address);
    await this.redis.run((client) => client.del(name, from));
  }

  /** Lifts locks and forgets failures of a name or an address. */
  async reset(identifier: string): Promise<void> {
    await this.redis.run((client) => client.del(...keysOf(identifier, identifier)));
  }

  async #run(script: string, username: string, address: string): Promise<number[]> {
    return ((await this.redis.script(script, keysOf(username, address), [MAX_FAILURES, LOCK_MS])) ?? []) as number[];
  }
}

/** Names are hashed: whatever somebody types becomes a key of one length. */
function keysOf(username: string, address: string): [string, string, string, string] {
  const name = hashOf(username.toLowerCase()).slice(0, 32);
  const block = addressBlock(address);
  return [
    `lapwing:lock:user:${name}`,
    `lapwing:failures:user:${name}`,
    `lapwing:lock:address:${block}`,
    `lapwing:failures:address:${block}`,
  ];
}
