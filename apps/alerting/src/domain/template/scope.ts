/** Which variable is kept where, while a template is read. Slot 0 holds `$`, the data. */
export class Scope {
  readonly #slots = new Map<string, number[]>([['$', [0]]]);
  readonly #declared: string[] = ['$'];
  #size = 1;

  /** How many slots a rendering needs. */
  get size(): number {
    return this.#size;
  }

  /** Declares a variable; one of the same name is hidden until this one ends. @returns its slot. */
  declare(name: string): number {
    const slot = this.#declared.push(name) - 1;
    this.#size = Math.max(this.#size, slot + 1);
    const hidden = this.#slots.get(name);
    if (hidden) hidden.push(slot);
    else this.#slots.set(name, [slot]);
    return slot;
  }

  /** The slot of a variable; undefined when there is none of this name. */
  find(name: string): number | undefined {
    return this.#slots.get(name)?.at(-1);
  }

  /** Names this moment for {@link release}. */
  mark(): number {
    return this.#declared.length;
  }

  /** Ends all variables that were declared since. */
  release(mark: number): void {
    for (const name of this.#declared.splice(mark)) this.#slots.get(name)?.pop();
  }
}
