import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { EntryAssembler } from '../../domain/logs/assemble.js';
import { CHUNK_BYTES, LineReader, type LogEncoding, type Mode } from './lines.js';

/** A file is recognized by so many of its first bytes. */
const HEAD_BYTES = 1024;

/** What tells one file from another that has the same number later: how many first bytes, and their hash. */
export type Print = [length: number, hash: string];

/** Where the reading of one file stands, as it is taken down. */
export interface Place {
  id: string;
  at: number;
  mode: Mode;
  print: Print;
}

/** How a file is read. */
export interface Form {
  encoding: LogEncoding;
  /** See `EntryAssembler`; none when it is missing. */
  entryStart?: string | undefined;
}

/** One file (an inode) under whatever names: what of it was read, and how far it may be read now. */
export class Generation {
  reader: LineReader;
  readonly assembler: EntryAssembler | undefined;
  /** How long it was when it was looked at last: so far it may be read. */
  end = 0;
  /** When it grew last, by the clock of whoever looks. */
  grewAt: number;
  /** When it was written last, as far as that was seen: milliseconds since 1970. */
  mtimeMs = 0;
  /** Whether its last bytes are the beginning of a line, and nothing more is there. */
  isTorn = false;
  #head: Buffer = Buffer.alloc(0);

  private constructor(
    readonly id: string,
    private readonly handle: FileHandle,
    private readonly form: Form,
    now: number,
  ) {
    this.grewAt = now;
    this.reader = new LineReader(form.encoding, 0);
    if (form.entryStart !== undefined) this.assembler = new EntryAssembler(form.entryStart);
  }

  /** Begins to read an open file: from its beginning. */
  static async of(handle: FileHandle, form: Form, now: number): Promise<Generation> {
    try {
      const { ino } = await handle.stat({ bigint: true });
      return new Generation(String(ino), handle, form, now);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Whether there is something to read up to where it was looked at last. */
  get hasUnread(): boolean {
    return this.reader.at < this.end && !this.isTorn;
  }

  /** Whether it has read more of a line than it gave. */
  get isHoldingLine(): boolean {
    return this.isTorn || this.reader.isLong;
  }

  /** Where whoever starts anew must go on. */
  get place(): Place {
    const open = this.assembler?.openAt;
    const { at, mode } = open === undefined ? this.reader.place : { at: open, mode: 'line' as const };
    return { id: this.id, at, mode, print: this.print };
  }

  /** See {@link Print}. */
  get print(): Print {
    return [this.#head.length, hashOf(this.#head)];
  }

  /** Goes on where reading stood before. False when this is another file with the same number, or it was emptied since. */
  async goOn({ at, mode, print: [length, hash] }: Place): Promise<boolean> {
    const head = await this.#readHead();
    const { size } = await this.handle.stat();
    if (size < at || head.length < length || hashOf(head.subarray(0, length)) !== hash) return false;
    this.#head = head;
    this.reader = new LineReader(this.form.encoding, at, mode);
    return true;
  }

  /** Goes on with what will be written from now on. */
  async goToEnd(): Promise<void> {
    this.#head = await this.#readHead();
    const { size: bytes } = await this.handle.stat();
    const size = this.form.encoding === 'utf-16le' ? bytes - (bytes % 2) : bytes;
    const last = Buffer.alloc(1);
    await this.handle.read(last, 0, 1, Math.max(size - 1, 0));
    const isWhole = size === 0 || this.form.encoding === 'utf-16le' || last[0] === 10;
    this.reader = new LineReader(this.form.encoding, size, isWhole ? 'line' : 'rest');
  }

  /** Whether the file was a copy of this one, or the same, when it was printed. */
  async isLike([length, hash]: Print): Promise<boolean> {
    const head = this.#head.length >= length ? this.#head : await this.#readHead();
    return length > 0 && head.length >= length && hashOf(head.subarray(0, length)) === hash;
  }

  /** Looks how long it is now. True when it was emptied or written anew since: then what was read of it is no longer there. */
  async look(now: number): Promise<boolean> {
    const { size, mtimeMs } = await this.handle.stat();
    if (size === this.end && mtimeMs === this.mtimeMs) return false;
    const head = await this.#readHead();
    if (size < this.reader.at || !head.subarray(0, this.#head.length).equals(this.#head)) return true;
    if (head.length > this.#head.length) this.#head = head;
    if (size > this.end) {
      this.grewAt = now;
      this.isTorn = false;
    }
    this.end = size;
    this.mtimeMs = mtimeMs;
    return false;
  }

  /** Whether it begins as it did: otherwise what was read just now belongs to another content. */
  async isIntact(): Promise<boolean> {
    return (await this.#readHead()).subarray(0, this.#head.length).equals(this.#head);
  }

  /** Begins again: another content has the same number. */
  startOver(now: number): void {
    this.reader = new LineReader(this.form.encoding, 0, 'hole');
    this.#head = Buffer.alloc(0);
    this.end = 0;
    this.isTorn = false;
    this.grewAt = now;
  }

  /** The next bytes, as many as may be read and the buffer holds: a part of `into`, to be used before the next call. */
  async readInto(into: Buffer): Promise<Buffer> {
    const { at } = this.reader;
    const { bytesRead } = await this.handle.read(into, 0, Math.min(CHUNK_BYTES, this.end - at), at);
    // Cut off while it was looked at: the next look sees it.
    if (bytesRead === 0) this.end = at;
    return into.subarray(0, bytesRead);
  }

  /** When it was written last: milliseconds since 1970. */
  async lastWrite(): Promise<number> {
    return (await this.handle.stat()).mtimeMs;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  async #readHead(): Promise<Buffer> {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await this.handle.read(head, 0, HEAD_BYTES, 0);
    return Buffer.from(head.subarray(0, bytesRead));
  }
}

function hashOf(head: Buffer): string {
  return createHash('sha256').update(head).digest('base64url').slice(0, 16);
}
