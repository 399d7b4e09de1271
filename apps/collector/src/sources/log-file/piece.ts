import type { LogEntry } from '@lapwing/contracts';
import type { LogPiece, LogPositions } from '../log-reader.js';

/** Bytes of JSON after which a piece takes no more: with one more entry of the longest it fits into a message all the same. */
const MAX_BYTES = 350_000;
/** What one line may bring beside itself: the entry before it, and what was dropped. */
const SPARE = 4;

/** A piece that is being put together. */
export class PieceBuilder {
  readonly #entries: LogEntry[] = [];
  readonly #positions: LogPositions = {};
  #bytes = 0;

  /** @param max entries that it takes; more than a few. */
  constructor(private readonly max: number) {}

  get isFull(): boolean {
    return this.#entries.length >= this.max - SPARE || this.#bytes >= MAX_BYTES;
  }

  add(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
  }

  /** Where reading stands after what was added so far. */
  stand(key: string, position: unknown): void {
    this.#positions[key] = position;
  }

  /** The piece; null when nothing was read and reading stands where it stood. */
  finish(): LogPiece | null {
    if (this.#entries.length === 0 && Object.keys(this.#positions).length === 0) return null;
    return { entries: this.#entries, positions: this.#positions };
  }
}
