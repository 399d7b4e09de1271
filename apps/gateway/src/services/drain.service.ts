import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** Whoever asks for readiness more rarely than this is not waited for any longer. */
const HEARD_MS = 3000;
/** What whoever asks makes of the answer takes a moment. */
const ACTED_MS = 500;
/** A probe that has asked twice within less asks more rarely the next time. */
const LEAST_INTERVAL_MS = 1000;

/** Knows whether this gateway is about to stop, who knows it, and what it still has to answer. */
export class DrainService {
  /** The requests under way, by what is answered. */
  readonly requests = new Set<ServerResponse>();
  #isDraining = false;
  #probedAt = Number.NEGATIVE_INFINITY;
  #intervalMs = 0;
  readonly #told = new AbortController();

  /** Whether it is about to stop: it answers still, and wants to be asked no more. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Somebody asks whether to send requests here, which goes by {@link isDraining}. */
  probed(): void {
    const now = performance.now();
    this.#intervalMs = now - this.#probedAt;
    this.#probedAt = now;
    if (this.#isDraining) this.#told.abort();
  }

  /** From now on it wants no more requests. Resolves when whoever asks for readiness again and again knows that, at the latest after 3.5 s. */
  async begin(): Promise<void> {
    this.#isDraining = true;
    const isWatched = performance.now() - this.#probedAt < Math.max(2 * this.#intervalMs, LEAST_INTERVAL_MS);
    if (!isWatched || !Number.isFinite(this.#intervalMs)) return;
    await pause(HEARD_MS, undefined, { signal: this.#told.signal }).catch(() => {});
    await pause(ACTED_MS);
  }
}
