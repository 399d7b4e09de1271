import type { LogEntry, LogSourceKind } from '@lapwing/contracts';
import { droppedEntry, LineLimit } from './line-limit.js';

/** Milliseconds: those held back are told about so often at most, where more lines follow. Where none do, whoever reads waits as long. */
export const TELL_MS = 1000;

/** Lines that a gate has held back and not yet told about. */
export interface HeldBack {
  count: number;
  /** When the first of them came: milliseconds since 1970. */
  since: number;
}

/** Whether something that was read from a file is what a gate has written there. */
export function isHeldBack(value: unknown): value is HeldBack {
  const { count, since } = (value ?? {}) as Partial<HeldBack>;
  return Number.isSafeInteger(count) && Number.isSafeInteger(since) && (count ?? 0) > 0;
}

/** Limits the lines of one thing by their own clock: the times when they came into their source, milliseconds since 1970. */
export class LineGate {
  readonly #limit: LineLimit;
  #clock: number | undefined;
  #held: HeldBack | undefined;

  /** @param held what an earlier gate of the same thing has not told about. */
  constructor(
    private readonly of: { source: LogSourceKind; name: string; perSecond: number },
    held?: HeldBack,
  ) {
    this.#limit = new LineLimit(of.perSecond);
    this.#held = held;
  }

  /** What it has held back and not told about. */
  get held(): HeldBack | undefined {
    return this.#held;
  }

  /** Whether a line of this time may pass; counts it when not. */
  admit(time: number): boolean {
    this.#limit.refill(time - (this.#clock ?? time));
    this.#clock = time;
    if (this.#limit.take()) return true;
    this.#held = { count: (this.#held?.count ?? 0) + 1, since: this.#held?.since ?? time };
    return false;
  }

  /** The line that tells about those held back, when the first of them is a second older than `time`; with that they are told about. */
  due(time: number): LogEntry | undefined {
    // A clock that was set back must not put it off for ever.
    return this.#held && Math.abs(time - this.#held.since) >= TELL_MS ? this.tell(time) : undefined;
  }

  /** The line that tells about those held back, if there are any; with that they are told about. */
  tell(time: number): LogEntry | undefined {
    const count = this.#held?.count;
    this.#held = undefined;
    return count === undefined ? undefined : droppedEntry(count, this.of, time);
  }
}
