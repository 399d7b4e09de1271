import { LapwingError } from '@lapwing/contracts';
import bcrypt from 'bcrypt';
import pLimit from 'p-limit';

const COST = 12;
const MAX_BYTES = 72;
/** The hash of a password that nobody knows: who does not exist takes as long as who does. */
const NOBODY = '$2b$12$pv67QBIVGD8X4pz6tsrczOD4qFU9jdATHvwoLlFV.V9gPFg/QZPUK';
const AT_ONCE = 2;
const MAX_WAITING = 100;

/** Hashes passwords with bcrypt, on the thread pool, a few at once: the event loop goes on. */
export class PasswordsService {
  readonly #limit = pLimit(AT_ONCE);

  /** The hash of a new password. */
  hash(password: string): Promise<string> {
    return this.#queued(() => bcrypt.hash(password, COST));
  }

  /**
   * Whether the password fits the hash.
   * @param hash null when there is no such user, or none with a password: the answer is no, and takes as long.
   */
  async verify(password: string, hash: string | null): Promise<boolean> {
    // PHP writes $2y$ for what everybody else writes $2b$.
    const known = hash?.replace(/^\$2y\$/, '$2b$') ?? NOBODY;
    const fits = await this.#queued(async () => {
      const result = await bcrypt.compare(password, known);
      // A hash of a lower cost would be told by its time: the doublings that it lacks are made up for.
      for (let cost = bcrypt.getRounds(known); cost < COST; cost++) await bcrypt.hash(password, cost);
      return result;
    });
    // bcrypt looks at the first 72 bytes alone.
    return fits && hash !== null && Buffer.byteLength(password) <= MAX_BYTES;
  }

  /** Whether a hash, out of the environment, is of a lower cost than those that are made here. */
  isWeak(hash: string | null): boolean {
    return hash !== null && bcrypt.getRounds(hash.replace(/^\$2y\$/, '$2b$')) < COST;
  }

  #queued<T>(work: () => Promise<T>): Promise<T> {
    if (this.#limit.pendingCount >= MAX_WAITING)
      throw new LapwingError('UNAVAILABLE', 'too many logins at once; try again in a moment');
    return this.#limit(work);
  }
}
