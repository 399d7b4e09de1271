/** Counters of a guest: bytes since it was started. */
export type Counters = readonly number[];

interface Known {
  counters: Counters;
  /** When the counters were seen to change last, milliseconds. */
  changedAt: number;
  rates: number[];
  seenAt: number;
}

/** Proxmox refreshes its counters every ten seconds or so: for as long as this, standing still means that they were not refreshed. */
const STILL_MS = 35_000;
const FORGET_MS = 600_000;
const MAX_KNOWN = 50_000;

/**
 * Rates out of counters, bytes per second. The first look gives 0, and so does a counter that ran backwards (the guest was started anew, or
 * migrated). Counters that stand still keep their rates for 35 s: Proxmox refreshes them in beats of its own.
 */
export class Rates {
  readonly #known = new Map<string, Known>();

  /** The rates of a resource, in the order of its counters. */
  of(id: string, counters: Counters, now: number): number[] {
    const known = this.#known.get(id);
    const rates = known ? next(known, counters, now) : counters.map(() => 0);
    const stands = known !== undefined && counters.every((value, index) => value === known.counters[index]);
    this.#known.delete(id);
    this.#known.set(id, { counters, rates, changedAt: stands ? known.changedAt : now, seenAt: now });
    return rates;
  }

  /** Forgets what was not seen for ten minutes, and of too much the oldest. */
  tidy(now: number): void {
    for (const [id, { seenAt }] of this.#known)
      if (now - seenAt > FORGET_MS || this.#known.size > MAX_KNOWN) this.#known.delete(id);
  }
}

function next({ counters: before, changedAt, rates }: Known, counters: Counters, now: number): number[] {
  const elapsed = (now - changedAt) / 1000;
  const stands = counters.every((value, index) => value === before[index]);
  if (stands) return elapsed * 1000 <= STILL_MS ? rates : counters.map(() => 0);
  // One that ran backwards makes the others of its beat meaningless, too.
  const isReset = counters.some((value, index) => value < (before[index] ?? 0));
  if (isReset || elapsed <= 0) return counters.map(() => 0);
  return counters.map((value, index) => (value - (before[index] ?? 0)) / elapsed);
}
