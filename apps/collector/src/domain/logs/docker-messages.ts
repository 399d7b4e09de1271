const HEADER = 8;
const LINE_FEED = 0x0a;
/** Of one message, so many bytes are kept. The engine itself cuts lines at 16 KiB. */
export const MAX_MESSAGE_BYTES = 2 ** 15;
const NOTHING = Buffer.alloc(0);

/** What the engine sends at once: a line with its line feed, or a piece of a long one. */
export interface DockerMessage {
  stream: 'out' | 'err';
  payload: Buffer;
  /** How long it was; more than the payload where that was cut. */
  bytes: number;
}

/**
 * Takes messages out of a container's log. Without a terminal they come in frames: a header of eight bytes (the stream, three zeros, the length in big
 * endian), then the message; frames may be cut anywhere. With a terminal they are bare lines. Source: Docker Engine API v1.41, "ContainerAttach".
 */
export class DockerMessages {
  #waiting: Buffer = NOTHING;
  /** Bytes that are still to come of a message that was too long, and were given away. */
  #swallow = 0;
  /** Of a bare line that is too long: what is kept, and its length so far. */
  #long: { payload: Buffer; bytes: number } | undefined;

  constructor(private readonly hasTerminal: boolean) {}

  /** Bytes that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Takes what came. */
  push(chunk: Buffer): void {
    this.#waiting = this.#waiting.length > 0 ? Buffer.concat([this.#waiting, chunk]) : chunk;
  }

  /** The next message, undefined when none is complete. Throws when what came is no frame. */
  next(): DockerMessage | undefined {
    return this.hasTerminal ? this.#nextLine() : this.#nextFrame();
  }

  #nextFrame(): DockerMessage | undefined {
    const passed = this.#taken(Math.min(this.#swallow, this.#waiting.length));
    this.#swallow -= passed.length;
    if (this.#waiting.length < HEADER) return undefined;
    const kind = this.#waiting.readUInt32BE(0);
    if (kind & 0xffffff || kind >>> 24 > 3) throw new Error('the engine sends no frames');
    const bytes = this.#waiting.readUInt32BE(4);
    const kept = Math.min(bytes, MAX_MESSAGE_BYTES);
    if (this.#waiting.length < HEADER + kept) return undefined;
    this.#taken(HEADER);
    this.#swallow = bytes - kept;
    return { stream: kind >>> 24 >= 2 ? 'err' : 'out', payload: this.#taken(kept), bytes };
  }

  #nextLine(): DockerMessage | undefined {
    const end = this.#waiting.indexOf(LINE_FEED);
    if (end >= 0) {
      const line = this.#taken(end + 1);
      const long = this.#long;
      this.#long = undefined;
      if (long) return { stream: 'out', payload: long.payload, bytes: long.bytes + line.length };
      return { stream: 'out', payload: line.subarray(0, MAX_MESSAGE_BYTES), bytes: line.length };
    }
    if (this.#waiting.length > MAX_MESSAGE_BYTES) {
      const part = this.#taken(this.#waiting.length);
      this.#long = {
        payload: this.#long?.payload ?? Buffer.from(part.subarray(0, MAX_MESSAGE_BYTES)),
        bytes: (this.#long?.bytes ?? 0) + part.length,
      };
    }
    return undefined;
  }

  #taken(count: number): Buffer {
    const taken = this.#waiting.subarray(0, count);
    this.#waiting = this.#waiting.subarray(count);
    return taken;
  }
}
