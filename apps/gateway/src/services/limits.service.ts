import { LapwingError, addressBlock, loginLimit } from '@lapwing/contracts';
import { SlidingWindow, slide, type Limit, type Redis, type Verdict, type WindowState } from '@lapwing/redis';
import type { PrincipalsService } from './principals.service.js';

const MINUTE_MS = 60_000;
/** Credentials that nobody has. */
const GUESSES: Limit = { name: 'guesses', limit: 300, windowMs: MINUTE_MS };
/** Trials of notifications: each of them sends something to others. */
const TRIALS: Limit = { name: 'trials', limit: 10, windowMs: MINUTE_MS };
/** Looks for updates: each asks somebody else's server. */
const UPDATE_CHECKS: Limit = { name: 'update-checks', limit: 10, windowMs: 60 * MINUTE_MS };
/** Checks of licence keys: nobody shall guess one. */
const LICENSES: Limit = { name: 'licenses', limit: 10, windowMs: MINUTE_MS };
/** Exports and imports of the configuration. */
const TRANSFERS: Limit = { name: 'transfers', limit: 5, windowMs: MINUTE_MS };
const MAX_LOCAL = 10_000;

/** How often somebody may ask, over all replicas. */
export class LimitsService {
  readonly #general: SlidingWindow;
  readonly #logins: SlidingWindow;
  readonly #guesses: SlidingWindow;
  readonly #trials: SlidingWindow;
  readonly #updateChecks: SlidingWindow;
  readonly #licenses: SlidingWindow;
  readonly #transfers: SlidingWindow;
  readonly #local = new Map<string, WindowState>();

  /** @param perMinute the general limit. */
  constructor(
    redis: Redis,
    private readonly principals: PrincipalsService,
    perMinute: number,
  ) {
    this.#general = new SlidingWindow(redis, { name: 'general', limit: perMinute, windowMs: MINUTE_MS });
    this.#logins = new SlidingWindow(redis, loginLimit);
    this.#guesses = new SlidingWindow(redis, GUESSES);
    this.#trials = new SlidingWindow(redis, TRIALS);
    this.#updateChecks = new SlidingWindow(redis, UPDATE_CHECKS);
    this.#licenses = new SlidingWindow(redis, LICENSES);
    this.#transfers = new SlidingWindow(redis, TRANSFERS);
  }

  /** Counts a request. Without Redis each replica counts for itself. */
  async general(key: string): Promise<Verdict> {
    try {
      return await this.#general.take(key);
    } catch (error) {
      if (!(error instanceof LapwingError)) throw error;
      return this.#locally(key);
    }
  }

  /** Counts an attempt to log in; throws `RATE_LIMITED`, and `UNAVAILABLE` without Redis. */
  async login(block: string): Promise<void> {
    const verdict = await this.#logins.take(block);
    if (!verdict.allowed) throw new LapwingError('RATE_LIMITED', 'at most 10 attempts a minute', { ...verdict });
  }

  /** Counts a trial of notifications; throws `RATE_LIMITED`, and `UNAVAILABLE` without Redis. */
  async trial(key: string): Promise<void> {
    const verdict = await this.#trials.take(key);
    if (!verdict.allowed) throw new LapwingError('RATE_LIMITED', 'at most 10 trials a minute', { ...verdict });
  }

  /** Counts a look for updates; throws `RATE_LIMITED`, and `UNAVAILABLE` without Redis. */
  async updateCheck(key: string): Promise<void> {
    const verdict = await this.#updateChecks.take(key);
    if (!verdict.allowed)
      throw new LapwingError('RATE_LIMITED', 'at most 10 checks for updates an hour', { ...verdict });
  }

  /** Counts a check of a licence key; throws `RATE_LIMITED`, and `UNAVAILABLE` without Redis. */
  async license(key: string): Promise<void> {
    const verdict = await this.#licenses.take(key);
    if (!verdict.allowed) throw new LapwingError('RATE_LIMITED', 'at most 10 licence keys a minute', { ...verdict });
  }

  /** Counts an export or an import of the configuration; throws `RATE_LIMITED`, and `UNAVAILABLE` without Redis. */
  async transfer(key: string): Promise<void> {
    const verdict = await this.#transfers.take(key);
    if (!verdict.allowed)
      throw new LapwingError('RATE_LIMITED', 'at most 5 exports and imports a minute', { ...verdict });
  }

  /** Before a credential that was not seen lately is looked up: throws `RATE_LIMITED` for an address that guesses. */
  async guessing(address: string, hash: string): Promise<void> {
    if (this.principals.remembers(hash)) return;
    const verdict = await this.#guesses.look(addressBlock(address)).catch(() => undefined);
    if (verdict && !verdict.allowed)
      throw new LapwingError('RATE_LIMITED', 'too many wrong tokens from this address', { ...verdict });
  }

  /** Counts a credential that nobody has. */
  async guessed(address: string): Promise<void> {
    await this.#guesses.take(addressBlock(address)).catch(() => {});
  }

  #locally(key: string): Verdict {
    const { state, verdict } = slide(this.#local.get(key), Date.now(), this.#general.limit, 1);
    this.#local.delete(key);
    this.#local.set(key, state);
    if (this.#local.size > MAX_LOCAL)
      for (const oldest of [...this.#local.keys()].slice(0, 100)) this.#local.delete(oldest);
    return verdict;
  }
}
