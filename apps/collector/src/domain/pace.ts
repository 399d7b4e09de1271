const FIRST_MS = 1000;
const LONGEST_MS = 600_000;

/**
 * How often a trouble that lasts is told: at once, then after 1 s, 2 s, 4 s … up to 10 min. What a service logs may be collected and sent by the very code that
 * has the trouble: told each time, it would feed itself.
 */
export class Pace {
  #next = Number.NEGATIVE_INFINITY;
  #waitMs = 0;

  /** @param clock milliseconds from any point on. */
  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** Whether it is to be told now. */
  get isDue(): boolean {
    const now = this.clock();
    if (now < this.#next) return false;
    // After a long time without trouble the next one is a new one.
    const isNew = now > this.#next + LONGEST_MS;
    this.#waitMs = isNew ? FIRST_MS : Math.min(this.#waitMs * 2, LONGEST_MS);
    this.#next = now + this.#waitMs;
    return true;
  }
}
