import { createLogger, describeError } from '@lapwing/telemetry';
import { setTimeout as pause } from 'node:timers/promises';
import type { Leases } from './leases.js';

const LOOK_MS = 1000;
/** A share may be exceeded for a while before something is given away: others that start come one by one. */
const PATIENCE_MS = 10_000;

/** What is done with a part of the work. */
export interface Worker {
  /** The part is this process's from now on. It must throw when it cannot begin: then somebody else may try. */
  take(name: string): Promise<void>;
  /** It is not any more; what is under way must be finished or dropped. */
  drop(name: string): Promise<void>;
}

/** Divides work of fixed parts fairly among all holders of a group of leases: each part has one holder at a time. */
export class Shares {
  readonly #log;
  readonly #taken = new Set<string>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #excessSince: number | undefined;

  constructor(
    service: string,
    private readonly leases: Leases,
    private readonly names: readonly string[],
    private readonly worker: Worker,
  ) {
    this.#log = createLogger(service, 'shares');
  }

  /** Begins to claim parts. */
  start(): void {
    this.#running = this.#run();
  }

  /** Drops all parts and gives their leases back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    for (const name of this.#taken) await this.#release(name);
  }

  /** Drops a part that went wrong, and leaves it to whoever comes first. */
  async surrender(name: string): Promise<void> {
    if (this.#taken.has(name)) await this.#release(name);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#divide();
      } catch (error) {
        this.#log.warn({ error: describeError(error) }, 'the work could not be divided, trying again');
      }
      await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #divide(): Promise<void> {
    for (const name of this.#taken) if (!this.leases.holds(name)) await this.#drop(name);
    const share = Math.ceil(this.names.length / (await this.leases.holders()));
    for (const name of this.names) {
      if (this.#taken.has(name) || this.#stopping.signal.aborted) continue;
      const isFree = this.#taken.size < share;
      if (this.leases.holds(name) || (isFree && (await this.leases.claim(name)))) await this.#take(name);
    }
    await this.#giveAway(share);
  }

  async #take(name: string): Promise<void> {
    this.#taken.add(name);
    try {
      await this.worker.take(name);
    } catch (error) {
      this.#log.warn({ error: describeError(error), name }, 'a part of the work could not be taken up');
      await this.#release(name);
    }
  }

  async #giveAway(share: number): Promise<void> {
    const now = performance.now();
    if (this.#taken.size <= share) this.#excessSince = undefined;
    else if (this.#excessSince === undefined) this.#excessSince = now;
    else if (now - this.#excessSince > PATIENCE_MS) {
      const last = [...this.#taken].at(-1);
      if (last !== undefined) await this.#release(last);
    }
  }

  async #release(name: string): Promise<void> {
    await this.#drop(name);
    await this.leases.release(name);
  }

  async #drop(name: string): Promise<void> {
    this.#taken.delete(name);
    await this.worker.drop(name);
  }
}
