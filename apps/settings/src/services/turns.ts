import { LapwingError } from '@lapwing/contracts';

/** Lets a few do something at once, and a few more wait: what takes much memory or time must not pile up. */
export class Turns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly atOnce: number,
    private readonly mostWaiting: number,
  ) {}

  /** Does it when it is its turn. `UNAVAILABLE` when too many wait already. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.atOnce) {
      if (this.#waiting.length >= this.mostWaiting)
        throw new LapwingError('UNAVAILABLE', 'too many exports and imports at once: try again in a moment');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
