/** Remembers the newest of what was seen, within a bound. */
export class RecentKeys {
  readonly #keys = new Set<string>();

  /** @param most as many as are remembered. */
  constructor(private readonly most: number) {}

  /** Notes a key. @returns whether it is new. */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > this.most) for (const oldest of this.#keys) return this.#keys.delete(oldest);
    return true;
  }
}
