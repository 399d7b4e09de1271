/**
 * A signal that ends work after so long, or when the work around it ends. Unlike `AbortSignal.any`, it holds on to its timer until it is
 * cleared, and leaves nothing behind on the outer signal.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #end = (): void => this.#controller.abort();
  #isOver = false;

  constructor(
    ms: number,
    private readonly outer?: AbortSignal,
  ) {
    this.#timer = setTimeout(() => {
      this.#isOver = true;
      this.#end();
    }, ms);
    if (outer?.aborted) this.#end();
    else outer?.addEventListener('abort', this.#end, { once: true });
  }

  /** Ends the work. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time that ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Must be called when the work is done. */
  clear(): void {
    clearTimeout(this.#timer);
    this.outer?.removeEventListener('abort', this.#end);
  }
}
