/** Figures that look random and are the same for the same seed. Source: mulberry32, T. Ettinger, public domain. */
export class Random {
  #state: number;

  /** @param seed any integer; its lowest 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0, inclusive, to 1, exclusive. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A fraction between both. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number between both, both included. */
  integer(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }

  /** So many lower-case hexadecimal digits. */
  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.integer(0, 15).toString(16)).join('');
  }

  /** A MAC address of the range that Proxmox gives to guests. */
  mac(): string {
    const tail = this.hex(6).toUpperCase().match(/../g) ?? [];
    return ['BC', '24', '11', ...tail].join(':');
  }

  /** A UUID's form. */
  uuid(): string {
    return [8, 4, 4, 4, 12].map((digits) => this.hex(digits)).join('-');
  }
}
