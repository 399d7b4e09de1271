import type { LogEntry } from '@lapwing/contracts';
import type { LogPiece, LogPositions } from '../log-reader.js';

/** Characters of messages after which a piece takes no more. What is still too much for one batch is divided by whoever takes it down. */
const MAX_CHARACTERS = 300_000;
/** What one line may bring beside itself: the entry before it, and what was dropped. */
const SPARE = 4;

/** A piece that is being put together. */
export class PieceBuilder {
  readonly #entries: LogEntry[] = [];
  readonly #positions: LogPositions = {};
  #characters = 0;

  /** @param max entries that it takes; more than a few. */
  constructor(private readonly max: number) {}

  get isFull(): boolean {
    return this.#entries.length >= this.max - SPARE || this.#characters >= MAX_CHARACTERS;
  }

  add(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#characters += entry.message.length;
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
