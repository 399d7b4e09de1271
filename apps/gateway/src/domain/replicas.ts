/** So long a replica that has fallen silent is missed; whatever became of it, by then somebody has seen to it. */
const MISSED_MS = 600_000;
const MAX_REPLICAS = 200;

/** A replica as it was heard last. Times in milliseconds since 1970. */
interface Known {
  instance: string;
  startedAt: number;
  heardAt: number;
}

/** A replica that answers. */
export interface Answering {
  instance?: string | undefined;
  startedAt?: number | undefined;
}

/**
 * Remembers which replicas of a service there are, so that one that hangs is missed while another one answers. A replica leaves by saying so, by
 * being replaced by one that began after it fell silent, as a supervisor does, or after ten minutes.
 */
export class Replicas {
  #known: Known[] = [];
  /** Those that said that they stop: an answer may still be on its way. */
  readonly #left = new Map<string, number>();

  /** Notes who has answered. Answers without a name are of versions that told none. */
  answered(answers: readonly Answering[], now: number): void {
    const named = answers.flatMap(({ instance, startedAt = now }) =>
      instance === undefined || this.#left.has(instance) ? [] : [{ instance, startedAt, heardAt: now }],
    );
    const isNew = ({ instance }: Known): boolean => !this.#known.some((one) => one.instance === instance);
    const joining = named.filter(isNew);
    for (const known of this.#known) if (named.some(({ instance }) => instance === known.instance)) known.heardAt = now;
    for (const one of joining) this.#join(one);
    this.#known = this.#known.filter(({ heardAt }) => now - heardAt < MISSED_MS);
    for (const [instance, at] of this.#left) if (now - at > MISSED_MS) this.#left.delete(instance);
  }

  /** A replica has said that it stops. */
  stopped(instance: string, now: number): void {
    this.#known = this.#known.filter((one) => one.instance !== instance);
    if (this.#left.size < MAX_REPLICAS) this.#left.set(instance, now);
  }

  /** Whether all who are known have answered; somebody must have. */
  areAllOf(answers: readonly Answering[]): boolean {
    return answers.length > 0 && this.silent(answers) === 0;
  }

  /** How many are known that are not among those who have answered. */
  silent(answers: readonly Answering[]): number {
    const names = new Set(answers.map(({ instance }) => instance));
    return this.#known.filter(({ instance }) => !names.has(instance)).length;
  }

  #join(joining: Known): void {
    // The one that has been silent for longest is the one that was started again.
    const [replaced] = this.#known
      .filter(({ heardAt }) => heardAt < joining.startedAt)
      .toSorted((one, other) => one.heardAt - other.heardAt);
    if (replaced) this.#known = this.#known.filter((one) => one !== replaced);
    if (this.#known.length < MAX_REPLICAS) this.#known.push(joining);
  }
}
