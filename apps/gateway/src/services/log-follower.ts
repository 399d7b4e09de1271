import type { LogFilter } from '@lapwing/contracts';
import { filterOf, type LogLine } from '../domain/log-line.js';
import type { LogFrame } from './log-frame.js';

/** Where events go. */
export interface LogSink {
  send(text: string): void;
  event(name: string, data: unknown): void;
  /** Waits until what was sent has been taken. */
  drained(): Promise<void>;
  /** Ends it, and tells why. */
  drop(reason: string): void;
  whenClosed(close: () => void): void;
}

/** What may wait while lines of before are given back. */
const MAX_WAITING = 10_000;
const MAX_WAITING_CHARACTERS = 2 ** 22;
/** So much is sent before it is asked whether it was taken. */
const PIECE_CHARACTERS = 2 ** 17;
const AT_ONCE = 100;
/** So much time may the filter of one follower take, of a second. */
const MAX_BUSY_MS = 300;
const SECOND_MS = 1000;

/** Somebody who follows logs: gets what his filter means, first of before, then as it comes, nothing twice. */
export class LogFollower {
  readonly #matches: (line: LogLine) => boolean;
  #isOpen = true;
  /** What came while lines of before are given back; undefined afterwards. */
  #waiting: LogFrame[] | undefined = [];
  #waitingCharacters = 0;
  #isOverflown = false;
  /** The position at which it joined: until then all is of before. */
  #joined: number | undefined;
  /** Stored lines that may come a second time over the bus, up to a position. */
  #given: { keys: ReadonlySet<string>; upTo: number } | undefined;
  #busyMs = 0;
  #busySince = 0;

  constructor(
    readonly sink: LogSink,
    readonly filter: LogFilter,
  ) {
    this.#matches = filterOf(filter);
    sink.whenClosed(() => (this.#isOpen = false));
  }

  /** Whether there is still somebody. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether lines of an agent can be meant. */
  wants(agentId: string): boolean {
    return this.#isOpen && (this.filter.agentId === null || this.filter.agentId === agentId);
  }

  /** Whether a line is meant. */
  matches({ line }: LogFrame): boolean {
    return this.#matches(line);
  }

  /** Counts time that the filter has taken; one that takes too much of it would hold up everybody else. */
  charge(ms: number, now: number): void {
    if (now - this.#busySince > SECOND_MS) {
      this.#busySince = now;
      this.#busyMs = 0;
    }
    this.#busyMs += ms;
    if (this.#busyMs > MAX_BUSY_MS)
      this.sink.drop(
        'this filter takes too long for so many lines; narrow it by agent, source or level, or take a simpler pattern',
      );
  }

  /** Takes lines that it means, as they come. */
  hear(frames: LogFrame[]): void {
    if (!this.#isOpen) return;
    if (this.#waiting) for (const frame of frames) this.#wait(frame, this.#waiting);
    else {
      const texts = frames.filter((frame) => this.#isNew(frame)).map(({ text }) => text);
      if (texts.length > 0) this.sink.send(texts.join(''));
    }
  }

  /** Sends lines of before, at the pace at which they are taken. */
  async give(texts: string[]): Promise<void> {
    let piece: string[] = [];
    let length = 0;
    for (const text of texts) {
      piece.push(text);
      length += text.length;
      if (length < PIECE_CHARACTERS) continue;
      this.sink.send(piece.join(''));
      await this.sink.drained();
      if (!this.#isOpen) return;
      piece = [];
      length = 0;
    }
    if (piece.length > 0) this.sink.send(piece.join(''));
    await this.sink.drained();
  }

  /** Tells that lines are missing here, and why. */
  gap(reason: string): void {
    this.sink.event('gap', { reason });
  }

  /** Tells how far it has come; not while something waits that is older. */
  mark(text: string): void {
    if (!this.#waiting) this.sink.send(text);
  }

  /** From here on it is told what comes after this position. */
  join(position: number): void {
    this.#joined = position;
  }

  /** These stored lines were given already; up to this position they may come a second time. */
  knows(keys: ReadonlySet<string>, upTo: number): void {
    this.#given = { keys, upTo };
  }

  /** All of before was given: gives what came meanwhile, and from now on what comes, as it comes. */
  async goLive(): Promise<void> {
    while (this.#isOpen && this.#waiting && this.#waiting.length > 0) {
      const frames = this.#waiting.splice(0, AT_ONCE);
      for (const { text } of frames) this.#waitingCharacters -= text.length;
      await this.give(frames.filter((frame) => this.#isNew(frame)).map(({ text }) => text));
    }
    this.#waiting = undefined;
    if (this.#isOverflown) this.gap('too much came at once');
  }

  #wait(frame: LogFrame, waiting: LogFrame[]): void {
    this.#waitingCharacters += frame.text.length;
    if (waiting.length >= MAX_WAITING || this.#waitingCharacters > MAX_WAITING_CHARACTERS) {
      this.#waitingCharacters -= frame.text.length;
      this.#isOverflown = true;
    } else waiting.push(frame);
  }

  /** Whether a line is neither of before, nor was it given as a stored one. */
  #isNew({ position, line }: LogFrame): boolean {
    if (this.#joined !== undefined) {
      // While it joined, an older message could still be on its way to all.
      if (this.#waiting ? position <= this.#joined : position === this.#joined) return false;
      if (!this.#waiting) this.#joined = undefined;
    }
    if (!this.#given) return true;
    if (position > this.#given.upTo) {
      this.#given = undefined;
      return true;
    }
    return !this.#given.keys.has(line.key);
  }
}
