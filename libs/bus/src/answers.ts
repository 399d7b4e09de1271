import type { Subscription } from '@nats-io/transport-node';
import { setTimeout as pause } from 'node:timers/promises';

/** The questions that a process listens to, and those that it is answering. */
export class Answers {
  readonly #subscriptions: Subscription[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #unasked: (() => void)[] = [];
  #stopping: Promise<void> | undefined;

  /** Notes an answer that is under way. */
  add(answer: Promise<void>): void {
    // What cannot be answered because the connection is over, nobody waits for.
    const ended = answer.catch(() => {}).finally(() => this.#open.delete(ended));
    this.#open.add(ended);
  }

  /** Listens to questions, unless it has stopped doing so. */
  listen(subscribe: () => Subscription): void {
    if (!this.#stopping) this.#subscriptions.push(subscribe());
  }

  /** Calls `use` when no more questions can come. */
  whenUnasked(use: () => void): void {
    this.#unasked.push(use);
  }

  /** Listens no longer, and waits until all that was heard is answered, so long at most. */
  stop(waitMs: number): Promise<void> {
    this.#stopping ??= this.#stop(waitMs);
    return this.#stopping;
  }

  async #stop(waitMs: number): Promise<void> {
    const waiting = new AbortController();
    const late = pause(waitMs, undefined, { signal: waiting.signal, ref: false }).catch(() => {});
    // A subscription is drained when the server has said that nothing more comes; where there is no server, nothing does.
    const drained = Promise.allSettled(this.#subscriptions.map((subscription) => subscription.drain()));
    await Promise.race([drained, late]);
    for (const use of this.#unasked) use();
    await Promise.race([this.#answered(), late]);
    waiting.abort();
  }

  async #answered(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }
}
