import type { LogEntry } from '@lapwing/contracts';
import { droppedEntry, LineLimit } from '../../domain/logs/line-limit.js';
import type { Generation } from './generation.js';
import type { Line, LineSink } from './lines.js';
import type { PieceBuilder } from './piece.js';

/** How often at most it is said that lines were dropped. */
const DROPPED_MS = 1000;

/** A line, and what is known beside it. */
export interface FileLine {
  text: string;
  fields: Record<string, string>;
  /** How many bytes there were, where the text does not hold all of them. */
  originalBytes: number | undefined;
}

/** What the entries of a file are. */
export interface FileKind {
  linesPerSecond: number;
  /** The source and name of what is said about the file itself. */
  about: Pick<LogEntry, 'source' | 'name'>;
  entryOf: (line: FileLine) => LogEntry;
  /** Milliseconds from any point on. */
  clock: () => number;
}

/** Lets the lines of one file through to a piece: as entries, and not more of them than the limit allows. */
export class Gate implements LineSink {
  readonly #limit: LineLimit;
  #toldAt = Number.NEGATIVE_INFINITY;
  #droppedAt: number;
  #piece: PieceBuilder | undefined;
  #file: Generation | undefined;
  /** Whether what is read was there before anybody looked: then the limit does not count. */
  isFree = true;
  /** Whether anything has changed that belongs into the position. */
  isDirty = false;

  /** @param dropped lines that were dropped and not spoken of yet. */
  constructor(
    private readonly kind: FileKind,
    public dropped: number,
  ) {
    this.#limit = new LineLimit(kind.linesPerSecond);
    this.#droppedAt = kind.clock();
  }

  /** The next lines go into this piece. */
  fill(piece: PieceBuilder): void {
    this.#piece = piece;
  }

  /** The next lines are of this file. */
  from(file: Generation): this {
    this.#file = file;
    return this;
  }

  /** So many milliseconds have gone by in which lines were written. */
  refill(ms: number): void {
    this.#limit.refill(ms);
  }

  hasRoom(): boolean {
    return this.#piece?.isFull === false;
  }

  allows(): boolean {
    this.isDirty = true;
    if (this.isFree || this.#limit.take()) {
      if (this.dropped > 0 && this.kind.clock() - this.#toldAt >= DROPPED_MS) this.#tell();
      return true;
    }
    if (this.dropped++ === 0) this.#droppedAt = this.kind.clock();
    // What follows a gap does not belong to what stands before it.
    this.giveOpen();
    return false;
  }

  take({ text, start, end, originalBytes, isRest }: Line): void {
    const assembler = this.#file?.assembler;
    if (assembler && !isRest) {
      const entry = assembler.add(text, start, end, originalBytes !== undefined);
      if (entry) this.#give(entry.text, {}, entry.truncated ? entry.end - entry.start : undefined);
      return;
    }
    this.giveOpen();
    this.#give(text, isRest ? { continued: 'true' } : {}, originalBytes);
  }

  /** Gives the entry of several lines to which more might have come. */
  giveOpen(): void {
    const entry = this.#file?.assembler?.flush();
    if (!entry) return;
    this.isDirty = true;
    this.#give(entry.text, {}, entry.truncated ? entry.end - entry.start : undefined);
  }

  /** Says how many lines were dropped, when nothing else has come for a while. */
  tellDropped(): void {
    const now = this.kind.clock();
    if (this.dropped > 0 && now - this.#droppedAt >= DROPPED_MS && now - this.#toldAt >= DROPPED_MS) this.#tell();
  }

  #tell(): void {
    const { about, linesPerSecond: perSecond, clock } = this.kind;
    this.#piece?.add(droppedEntry(this.dropped, { ...about, perSecond }, Date.now()));
    this.dropped = 0;
    this.#toldAt = clock();
    this.isDirty = true;
  }

  #give(text: string, fields: Record<string, string>, originalBytes: number | undefined): void {
    if (text !== '') this.#piece?.add(this.kind.entryOf({ text, fields, originalBytes }));
  }
}
