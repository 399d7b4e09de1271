const LINE_FEED = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Cuts a stream of bytes into lines, which are taken out one by one. A line that is too long is passed over up to its end, and counted. */
export class LineQueue {
  #rest: Buffer = NOTHING;
  /** Where the next line begins in what is left, and up to where no line feed was found. */
  #at = 0;
  #searched = 0;
  #chunks: Buffer[] = [];
  #size = 0;
  #skipping = false;
  #skipped = 0;

  /** @param maxLine bytes of a line, at most. */
  constructor(private readonly maxLine: number) {}

  /** Bytes that wait, at most: what was pushed and not taken. */
  get size(): number {
    return this.#size;
  }

  /** Takes what came. */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** The next line without its line feed, undefined when none is complete. Stays until {@link shift}. */
  peek(): Buffer | undefined {
    for (;;) {
      const end = this.#find();
      if (end === undefined) {
        if (this.#rest.length - this.#at > this.maxLine) this.#skipping = true;
        if (this.#skipping) this.#forget(this.#rest.length);
        return undefined;
      }
      if (!this.#skipping && end - this.#at <= this.maxLine) return this.#rest.subarray(this.#at, end);
      this.#skipping = false;
      this.#skipped += 1;
      this.#forget(end + 1);
    }
  }

  /** Takes out the line that {@link peek} gives. */
  shift(): void {
    const end = this.peek() && this.#find();
    if (end !== undefined) this.#forget(end + 1);
  }

  /** How many lines were passed over since this was asked last. */
  takeSkipped(): number {
    const count = this.#skipped;
    this.#skipped = 0;
    return count;
  }

  /** Drops what waits, because its stream is at its end. */
  clear(): void {
    this.#rest = NOTHING;
    this.#chunks = [];
    this.#size = this.#at = this.#searched = 0;
    this.#skipping = false;
  }

  #find(): number | undefined {
    let end = this.#rest.indexOf(LINE_FEED, this.#searched);
    if (end < 0 && this.#chunks.length > 0) {
      const searched = this.#rest.length - this.#at;
      this.#rest = Buffer.concat([this.#rest.subarray(this.#at), ...this.#chunks]);
      this.#chunks = [];
      this.#at = 0;
      end = this.#rest.indexOf(LINE_FEED, searched);
    }
    this.#searched = end < 0 ? this.#rest.length : end;
    return end < 0 ? undefined : end;
  }

  #forget(to: number): void {
    this.#size -= to - this.#at;
    this.#at = this.#searched = to;
  }
}
