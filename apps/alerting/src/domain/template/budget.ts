import { Fault } from './errors.js';
import { order } from './values.js';

/** So many UTF-16 units of text count as one step: copied, and looked at one by one. */
const UNITS_PER_STEP = 64;
const UNITS_PER_CAREFUL_STEP = 4;

/** What one rendering may still spend. */
export class Budget {
  readonly #keys = new WeakMap<object, string[]>();

  /**
   * @param steps how many more: one for each operand, node, iteration and element that is looked at.
   * @param maxBytes how long the output, and each text on the way, may get.
   */
  constructor(
    private steps: number,
    readonly maxBytes: number,
  ) {}

  /** Takes steps. @throws Fault when there are no more. */
  spend(steps = 1): void {
    this.steps -= steps;
    if (this.steps < 0) throw new Fault('the template takes too many steps');
  }

  /** Takes the steps for a text that is gone through. */
  spendOn(text: string): void {
    if (text.length >= UNITS_PER_STEP) this.spend(Math.floor(text.length / UNITS_PER_STEP));
  }

  /** Takes the steps for a text of which each character may have to be escaped. */
  spendOnEscaping(text: string): void {
    this.spend(Math.floor(text.length / UNITS_PER_CAREFUL_STEP));
  }

  /** Takes the steps for a search: texts can be such that each place must be looked at for the whole of the part. */
  spendOnSearch(part: string, whole: string): void {
    this.spend(Math.floor((part.length * whole.length) / UNITS_PER_STEP));
  }

  /** A map's keys, in order. They are paid for once: a loop may ask again for the same map. */
  keysOf(map: Record<string, unknown>): string[] {
    const known = this.#keys.get(map);
    if (known) return known;
    const keys = Object.keys(map);
    this.spend(keys.length);
    const sorted = keys.toSorted(order);
    this.#keys.set(map, sorted);
    return sorted;
  }

  /** Refuses a text that is too long to be kept. */
  checkLength(length: number): void {
    if (length > this.maxBytes) throw new Fault(`a text gets longer than ${this.maxBytes} bytes`);
  }
}

/** A text that is put together, and never gets too long. */
export class Draft {
  readonly #pieces: string[] = [];
  #length = 0;

  constructor(private readonly budget: Budget) {}

  /** Appends. @throws Fault when it gets too long. */
  add(text: string): this {
    this.#length += text.length;
    this.budget.checkLength(this.#length);
    this.budget.spendOn(text);
    this.#pieces.push(text);
    return this;
  }

  toString(): string {
    return this.#pieces.join('');
  }
}
