/** As many things are kept of all places together: a server that tells more tells nonsense. */
const MAX_ITEMS = 50_000;

/**
 * What was read of several places, each on its own: a place that could not be read this time keeps what it had, and one that is gone loses
 * it.
 */
export class Kept<T> {
  readonly #known = new Map<string, T[]>();

  /** What a place has, as it was read just now. */
  set(place: string, items: T[]): void {
    this.#known.delete(place);
    const room = MAX_ITEMS - [...this.#known.values()].reduce((sum, { length }) => sum + length, 0);
    this.#known.set(place, items.slice(0, Math.max(room, 0)));
  }

  /** Forgets the places that are not among these. */
  retain(places: Iterable<string>): void {
    const present = new Set(places);
    for (const place of this.#known.keys()) if (!present.has(place)) this.#known.delete(place);
  }

  /** What one place has. */
  of(place: string): readonly T[] {
    return this.#known.get(place) ?? [];
  }

  /** Everything, place by place. */
  all(): T[] {
    return [...this.#known.values()].flat();
  }
}
