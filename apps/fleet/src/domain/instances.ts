const MAX_PAST = 20;

/**
 * Watches the runs of one agent's process. Each start makes a new run, and the old one is never heard again; when it is, two machines have
 * one identity.
 */
export class Instances {
  #current: string | undefined;
  readonly #past: string[] = [];

  /** Hears a run. Returns whether two of them alternate. */
  hear(instance: string): boolean {
    if (instance === this.#current) return false;
    const twins = this.#past.includes(instance);
    if (this.#current !== undefined) this.#past.push(this.#current);
    if (this.#past.length > MAX_PAST) this.#past.shift();
    this.#current = instance;
    // Both are shut out now; whichever is let in again is one that goes on, and no twin.
    if (twins) this.#past.length = 0;
    return twins;
  }
}
