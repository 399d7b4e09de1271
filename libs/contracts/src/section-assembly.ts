import type { Observation } from './targets.js';

/** Puts sections of targets together out of their parts, as they come in whatever order. */
export class SectionAssembly {
  readonly #parts = new Map<string, (Observation | undefined)[]>();

  /** Takes a part in. Returns all items of its section once no part is missing. */
  add(observation: Observation): unknown[] | null {
    const { targetId, section, part, parts } = observation;
    const key = `${targetId}:${section}`;
    const known = this.#parts.get(key);
    const observations = known?.length === parts ? known : Array.from({ length: parts }, () => undefined);
    observations[part] = observation;
    this.#parts.set(key, observations);
    if (observations.some((one) => one === undefined)) return null;
    return observations.flatMap((one): unknown[] => one?.items ?? []);
  }

  /** Forgets a target. */
  forget(targetId: string): void {
    for (const key of this.#parts.keys()) if (key.startsWith(`${targetId}:`)) this.#parts.delete(key);
  }
}
