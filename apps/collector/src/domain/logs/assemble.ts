import { MAX_LOG_MESSAGE } from '@lapwing/contracts';
import { RE2JS } from 're2js';
import { cutText } from './text.js';

/** Lines of one entry; the rest of it is left out. */
export const MAX_ENTRY_LINES = 500;
/** An entry ends after so many bytes, whatever follows: else a pattern that never matches would hold back a whole file. */
export const MAX_ENTRY_BYTES = 2 ** 20;
/** A pattern looks at so many characters of a line. */
const LOOKS_AT = 512;

/** Lines that belong together. */
export interface AssembledEntry {
  text: string;
  /** Where its first line begins and its last one ends, bytes. */
  start: number;
  end: number;
  /** Whether something of it was left out. */
  truncated: boolean;
}

/**
 * Puts lines together to entries. Without a pattern each line is an entry. With one (in the syntax of RE2), a line in which it matches begins an entry and
 * others belong to the one before: up to 16 KiB and 500 lines of it, what is more is left out. After 1 MiB an entry ends in any case.
 */
export class EntryAssembler {
  readonly #pattern: RE2JS | undefined;
  #lines: string[] = [];
  #length = 0;
  #open: { start: number; end: number; truncated: boolean } | undefined;

  /** Throws when the pattern is none. */
  constructor(entryStart: string | undefined) {
    this.#pattern = entryStart === undefined ? undefined : RE2JS.compile(entryStart);
  }

  /** Where the entry begins that is not complete yet, bytes; whoever starts anew goes on there. Undefined when there is none. */
  get openAt(): number | undefined {
    return this.#open?.start;
  }

  /**
   * Takes the next line, and gives the entry that is complete with that, if one is.
   * @param line without its line feed.
   * @param start where it begins, and `end` where the next one does: bytes.
   * @param truncated whether the line itself holds less than there was.
   */
  add(line: string, start: number, end: number, truncated = false): AssembledEntry | undefined {
    if (!this.#pattern) return { text: line, start, end, truncated };
    const isTooLong = this.#open !== undefined && end - this.#open.start > MAX_ENTRY_BYTES;
    if (!this.#open || isTooLong || this.#begins(line)) {
      const complete = this.flush();
      this.#open = { start, end, truncated: truncated || line.length > MAX_LOG_MESSAGE };
      this.#lines = [cutText(line, MAX_LOG_MESSAGE)];
      this.#length = line.length;
      return complete;
    }
    this.#open.end = end;
    this.#append(line, truncated);
    return undefined;
  }

  /** Ends the entry that is open, and gives it: because nothing has followed for a while, or the file is at its end. */
  flush(): AssembledEntry | undefined {
    if (!this.#open) return undefined;
    const entry = { text: this.#lines.join('\n'), ...this.#open };
    this.#open = undefined;
    this.#lines = [];
    return entry;
  }

  #append(line: string, truncated: boolean): void {
    if (!this.#open) return;
    const room = MAX_LOG_MESSAGE - this.#length - 1;
    if (truncated || line.length > room || this.#lines.length >= MAX_ENTRY_LINES) this.#open.truncated = true;
    if (room <= 0 || this.#lines.length >= MAX_ENTRY_LINES) return;
    this.#lines.push(cutText(line, room));
    // A line that was cut fills the entry: nothing behind the gap is taken.
    this.#length += 1 + line.length;
  }

  #begins(line: string): boolean {
    return this.#pattern?.test(line.slice(0, LOOKS_AT)) ?? true;
  }
}
