import { LapwingError } from '@lapwing/contracts';

/** Searches that run at once, that wait for one of them, and for how long. */
const AT_ONCE = 3;
const MAX_WAITING = 60;
const WAIT_MS = 5000;

/** Lets few searches run at once: what waits is told that others search, and not that the database is away. */
export class Turns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Does something when it is its turn. Throws `RATE_LIMITED` when too many wait, `TIMEOUT` when its turn does not come in time. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await this.#wait();
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING)
      throw new LapwingError('RATE_LIMITED', 'too many search at the same time: try again in a moment');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(new LapwingError('TIMEOUT', 'others are searching, and it took too long: try again in a moment'));
      }, WAIT_MS);
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push(begin);
    });
  }
}
