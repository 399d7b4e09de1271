import { MAX_LOG_MESSAGE } from '@lapwing/contracts';
import { DockerMessages, type DockerMessage } from './docker-messages.js';

/** Bytes of a line, at most: four may be one character. */
const MAX_LINE = 4 * MAX_LOG_MESSAGE;
/** The two streams of a container write their lines each at its own pace: those of one may be stamped so much before lines of the other that come first. */
const APART_SECONDS = 10;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)/;

/** How far a stream of a container is read. */
export interface StreamPosition {
  /** The stamp of its last message that was taken: seconds since 1970, and nine digits behind a point. */
  at: string;
  /** How many messages of just that stamp were taken. */
  count: number;
}

/** How far a container's log is read. */
export interface ContainerPosition {
  out?: StreamPosition | undefined;
  err?: StreamPosition | undefined;
}

/** A line that a container has printed. */
export interface ContainerLine {
  stream: 'out' | 'err';
  text: string;
  /** When the engine got it: milliseconds since 1970. */
  time: number;
  /** How long it was, where the text holds less. */
  originalBytes: number | undefined;
}

/** Whether something that was read from a file is the position of a stream. */
export function isStreamPosition(value: unknown): value is StreamPosition {
  const { at, count } = (value ?? {}) as Partial<StreamPosition>;
  return typeof at === 'string' && /^\d{10}\.\d{9}$/.test(at) && Number.isSafeInteger(count);
}

/** An instant as the stamp of a position; milliseconds since 1970. */
export function stampAt(ms: number): string {
  const whole = Math.floor(ms / 1000);
  return `${String(whole).padStart(10, '0')}.${String(Math.floor(ms) % 1000).padStart(3, '0')}000000`;
}

/**
 * From which stamp on a log is to be asked for, so that nothing is missed: a little before the last that was taken, where what comes again is known by its
 * own stream; never before `first`.
 */
export function sinceOf({ out, err }: ContainerPosition, first: string): string {
  const [latest = first] = [out?.at, err?.at]
    .filter((at) => at !== undefined)
    .toSorted()
    .toReversed();
  const [seconds = '0', nanoseconds = '0'] = latest.split('.');
  const early = `${String(Math.max(Number(seconds) - APART_SECONDS, 0)).padStart(10, '0')}.${nanoseconds}`;
  return early > first ? early : first;
}

/**
 * Makes lines of what the engine sends of a container, each once: what was taken before, by its position, is passed over. A line that came in pieces is
 * put together, up to 64 KiB of it.
 */
export class ContainerLines {
  readonly #messages: DockerMessages;
  readonly #streams: { out: StreamLines; err: StreamLines };

  /** @param position how far it was read before; the stream must begin where {@link sinceOf} says. */
  constructor(position: ContainerPosition, hasTerminal: boolean) {
    this.#messages = new DockerMessages(hasTerminal);
    this.#streams = { out: new StreamLines('out', position.out), err: new StreamLines('err', position.err) };
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#messages.size;
  }

  /** How far it is read: up to the last line that was taken. */
  get position(): ContainerPosition {
    return { out: this.#streams.out.position, err: this.#streams.err.position };
  }

  /** Takes what came. */
  push(chunk: Buffer): void {
    this.#messages.push(chunk);
  }

  /** Handles the next message: gives the line that is complete with it, `null` when none is, undefined when no message is there. Throws for rubbish. */
  next(): ContainerLine | null | undefined {
    const message = this.#messages.next();
    return message && (this.#streams[message.stream].add(message) ?? null);
  }

  /** Lines that never came to their end: when nothing can follow any more. */
  flush(): ContainerLine[] {
    return [this.#streams.out.flush(), this.#streams.err.flush()].filter((line) => line !== undefined);
  }
}

class StreamLines {
  position: StreamPosition | undefined;
  /** Up to here it was read before; until something comes that was not. */
  #known: StreamPosition | undefined;
  /** The stamp of the last message, and how many had it. */
  #last: StreamPosition | undefined;
  #lastMs = 0;
  #open: { time: number; parts: Buffer[]; size: number; bytes: number } | undefined;

  constructor(
    private readonly stream: 'out' | 'err',
    position: StreamPosition | undefined,
  ) {
    this.position = position;
    this.#known = position;
  }

  add({ payload, bytes }: DockerMessage): ContainerLine | undefined {
    const stamp = STAMP.exec(payload.toString('latin1', 0, 40));
    if (stamp) this.#stamped(stamp);
    else if (this.#last) this.#last.count += 1;
    // The first of all must have a stamp: what has none belongs to one that came before.
    else return undefined;
    if (this.#isKnown()) return undefined;
    const skip = stamp?.[0].length ?? 0;
    const isWhole = payload.at(-1) === 0x0a || bytes > payload.length;
    this.#open ??= { time: this.#lastMs, parts: [], size: 0, bytes: 0 };
    const part = payload.subarray(skip, payload.at(-1) === 0x0a ? -1 : undefined);
    const kept = part.subarray(0, MAX_LINE - this.#open.size);
    // A copy: else the whole chunk that it came in would be held.
    if (kept.length > 0) this.#open.parts.push(isWhole ? kept : Buffer.from(kept));
    this.#open.size += kept.length;
    this.#open.bytes += part.length + bytes - payload.length;
    return isWhole ? this.flush() : undefined;
  }

  flush(): ContainerLine | undefined {
    if (!this.#open) return undefined;
    const { time, parts, size, bytes } = this.#open;
    this.#open = undefined;
    this.position = this.#last && { ...this.#last };
    const text = Buffer.concat(parts).toString('utf8').replace(/\r$/, '');
    return { stream: this.stream, text, time, originalBytes: bytes > size ? bytes : undefined };
  }

  #stamped([, instant = '', fraction = '', zone = '']: RegExpExecArray): void {
    const ms = Date.parse(`${instant}${zone}`);
    const at = `${String(ms / 1000).padStart(10, '0')}.${fraction.padEnd(9, '0')}`;
    this.#lastMs = ms + Number(fraction.slice(0, 3).padEnd(3, '0'));
    this.#last = { at, count: this.#last?.at === at ? this.#last.count + 1 : 1 };
  }

  #isKnown(): boolean {
    const known = this.#known;
    if (!known || !this.#last) return false;
    if (this.#last.at < known.at || (this.#last.at === known.at && this.#last.count <= known.count)) return true;
    // From here on all is new, whatever its stamp: clocks are set back at times.
    this.#known = undefined;
    return false;
  }
}
