import { MAX_LOG_MESSAGE, type logEncodings } from '@lapwing/contracts';

/** A text encoding that a file may have. */
export type LogEncoding = (typeof logEncodings)[number];

/** What is read of a file at a time. A line that is longer keeps as many bytes as its beginning, which is more than an entry holds in any encoding. */
export const CHUNK_BYTES = 65_536;
/** After so many bytes a line without an end is given all the same, and what follows of it is passed over. */
const LONGEST_LINE = 2 ** 24;

/**
 * What comes next: a line; the rest of a line whose beginning was given already; the rest of one that is passed over; or zeros that a writer left who went on
 * at his old place after the file was emptied.
 */
export type Mode = 'line' | 'rest' | 'skip' | 'hole';

/** A line of a file. */
export interface Line {
  text: string;
  /** Where it begins and where the next one does: bytes. */
  start: number;
  end: number;
  /** How many bytes it had, where the text does not hold all of them. */
  originalBytes?: number;
  /** Whether its beginning was given before, as a line of its own. */
  isRest: boolean;
}

/** Who gets the lines. */
export interface LineSink {
  /** Whether there is room for another. */
  hasRoom(): boolean;
  /** Whether the next may pass; otherwise it is skipped without being looked at. */
  allows(): boolean;
  take(line: Line): void;
}

/** Makes lines of a file's bytes, and knows where it stands. Holds no more of the file than the beginning of one line that is too long. */
export class LineReader {
  /** The line that is longer than what is read at a time. */
  #long: { start: number; text: string; bytes: number; isRest: boolean } | undefined;

  /** @param at where to go on, bytes, and `mode` what is there. */
  constructor(
    private readonly encoding: LogEncoding,
    public at: number,
    public mode: Mode = 'line',
  ) {}

  /** Whether it is within a line that is longer than what is read at a time. */
  get isLong(): boolean {
    return this.#long !== undefined;
  }

  /** Where whoever starts anew must go on, so that nothing is lost or given twice. */
  get place(): { at: number; mode: Mode } {
    if (!this.#long) return { at: this.at, mode: this.mode };
    return { at: this.#long.start, mode: this.#long.isRest ? 'rest' : 'line' };
  }

  /** Takes the bytes that begin at `at`, at most {@link CHUNK_BYTES}. What it does not need yet is to be given again: `at` says from where. */
  feed(chunk: Buffer, sink: LineSink): void {
    let from = this.#begin(chunk);
    while (from < chunk.length && sink.hasRoom()) {
      const end = this.#lineEnd(chunk, from);
      if (end < 0) {
        this.#unfinished(chunk.subarray(from), sink);
        return;
      }
      this.#finish(chunk, from, end, sink);
      from = end + this.#width;
    }
  }

  /** Gives what there is of a line that does not end. @param chunk the bytes that begin at `at`; none of them ends it. */
  flush(chunk: Buffer, sink: LineSink): void {
    if (this.#long) {
      this.#long.bytes += chunk.length;
      this.at += chunk.length;
      this.#giveLong(sink);
      this.mode = 'skip';
      return;
    }
    const whole = chunk.subarray(0, chunk.length - this.#incomplete(chunk));
    if (whole.length === 0 || this.mode === 'skip' || this.mode === 'hole') return;
    const start = this.at;
    this.at += whole.length;
    if (sink.allows()) sink.take({ text: this.#text(whole), start, end: this.at, isRest: this.mode === 'rest' });
    this.mode = 'rest';
  }

  get #width(): number {
    return this.encoding === 'utf-16le' ? 2 : 1;
  }

  /** Passes over what stands before the first line. */
  #begin(chunk: Buffer): number {
    let from = 0;
    if (this.mode === 'hole') {
      from = chunk.findIndex((byte) => byte !== 0);
      if (from < 0) from = chunk.length;
      else this.mode = 'line';
      from -= from % this.#width;
    }
    if (this.at + from === 0) from = markLength(chunk, this.encoding);
    this.at += from;
    return from;
  }

  #lineEnd(chunk: Buffer, from: number): number {
    let end = chunk.indexOf(10, from);
    if (this.#width === 1) return end;
    while (end >= 0 && ((end - from) % 2 !== 0 || chunk[end + 1] !== 0)) end = chunk.indexOf(10, end + 1);
    return end;
  }

  #finish(chunk: Buffer, from: number, end: number, sink: LineSink): void {
    const start = this.at;
    this.at = start + (end - from) + this.#width;
    const { mode } = this;
    this.mode = 'line';
    if (mode === 'skip') return;
    if (this.#long) {
      this.#long.bytes += end - from;
      this.#giveLong(sink);
      return;
    }
    if (mode === 'rest' && end === from) return;
    if (!sink.allows()) return;
    const text = this.#text(chunk.subarray(from, end));
    sink.take({ text, start, end: this.at, isRest: mode === 'rest' });
  }

  #unfinished(rest: Buffer, sink: LineSink): void {
    if (this.mode === 'skip') {
      this.at += rest.length - (rest.length % this.#width);
    } else if (this.#long) {
      const taken = rest.length - (rest.length % this.#width);
      this.#long.bytes += taken;
      this.at += taken;
      if (this.#long.bytes < LONGEST_LINE) return;
      this.#giveLong(sink);
      this.mode = 'skip';
    } else if (rest.length >= CHUNK_BYTES) {
      const text = this.#text(rest).slice(0, MAX_LOG_MESSAGE + 1);
      this.#long = { start: this.at, text, bytes: rest.length, isRest: this.mode === 'rest' };
      this.at += rest.length;
    }
  }

  #giveLong(sink: LineSink): void {
    const long = this.#long;
    this.#long = undefined;
    if (!long || !sink.allows()) return;
    sink.take({ text: long.text, start: long.start, end: this.at, originalBytes: long.bytes, isRest: long.isRest });
  }

  #text(bytes: Buffer): string {
    const text = bytes.toString(this.encoding === 'utf-16le' ? 'utf16le' : this.encoding);
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  }

  /** Bytes at the end that are the beginning of a character. */
  #incomplete(chunk: Buffer): number {
    if (this.encoding === 'latin1') return 0;
    if (this.encoding === 'utf-16le') return chunk.length % 2;
    for (let back = 1; back <= Math.min(3, chunk.length); back++) {
      const byte = chunk[chunk.length - back] ?? 0;
      if ((byte & 0xc0) === 0x80) continue;
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      return needs > back ? back : 0;
    }
    return 0;
  }
}

/** Bytes of a byte order mark. */
function markLength(chunk: Buffer, encoding: LogEncoding): number {
  if (encoding === 'utf-16le') return chunk[0] === 0xff && chunk[1] === 0xfe ? 2 : 0;
  return encoding === 'utf-8' && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
}
