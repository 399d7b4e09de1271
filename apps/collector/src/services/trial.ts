/** What tells whether a version works. */
export interface Proof {
  /** Whether it has taken a sample. */
  hasTaken: () => boolean;
  /** Takes a sample at once: where they are rare, none may be due in time. */
  take: () => void;
  /** Whether it is connected to NATS. */
  isOnline: () => boolean;
  /** Whether the server has stored a sample that it took. */
  hasStored: () => boolean;
}

const LOOK_MS = 500;

/**
 * Watches this very process while its version is on trial: it has proved itself when it is connected, a sample that it took was stored, and it has
 * run for a quarter of the time; it has failed when that did not come about in the whole of it.
 */
export class Trial {
  #timer: NodeJS.Timeout | undefined;
  #deciding = false;
  #hasAsked = false;

  /**
   * @param seconds since the process was started.
   * @param end called with the reason when it has failed, with undefined when it has proved itself; called again when it throws.
   */
  constructor(
    private readonly proof: Proof,
    private readonly seconds: number,
    private readonly end: (failure: string | undefined) => Promise<void>,
  ) {}

  /** Whether nothing is decided yet. */
  get isOpen(): boolean {
    return this.#timer !== undefined;
  }

  /** Begins to watch. */
  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  /** Watches no longer. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const seconds = performance.now() / 1000;
    if (seconds >= this.seconds / 8) this.#askForSample();
    const hasProved = seconds >= this.seconds / 4 && this.proof.isOnline() && this.proof.hasStored();
    if (this.#deciding || (!hasProved && seconds < this.seconds)) return;
    this.#deciding = true;
    try {
      await this.end(hasProved ? undefined : this.#failure());
      this.stop();
    } catch {
      // a full disk: what was decided must be kept, so it is tried again
    } finally {
      this.#deciding = false;
    }
  }

  #askForSample(): void {
    if (this.#hasAsked || this.proof.hasTaken()) return;
    this.#hasAsked = true;
    this.proof.take();
  }

  #failure(): string {
    const what = this.proof.isOnline() ? 'the server has stored no sample of it' : 'it had no connection to the server';
    return `it did not prove itself within ${this.seconds} s: ${what}`;
  }
}
