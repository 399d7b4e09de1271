import type { ServerResponse } from 'node:http';

interface Message {
  stream: 'out' | 'err';
  /** Seconds since 1970 and nine digits. */
  at: string;
  text: string;
}

/**
 * The log of one container, as the Docker engine hands it out: in frames or, with a terminal, bare; each message behind its time where that is asked for.
 * Source: Docker Engine API v1.41, ContainerLogs and ContainerAttach.
 */
export class ContainerLogServer {
  readonly #messages: Message[] = [];
  readonly #followers = new Set<(message: Message) => void>();
  /** What each follower has not taken yet; undefined at the end of what it gets. */
  readonly #waiting = new Map<ServerResponse, (Buffer | undefined)[]>();
  /** The answer instead of a log, e.g. for a log driver that cannot be read. */
  fault: { status: number; message: string } | undefined;
  /** Bytes that are sent at once. */
  chunk = 2 ** 16;

  constructor(readonly hasTerminal = false) {}

  /** How many follow it. */
  get followers(): number {
    return this.#followers.size;
  }

  /** Bytes that its followers have not taken from it yet. */
  get unsent(): number {
    return [...this.#waiting.values()].flat().reduce((sum, chunk) => sum + (chunk?.length ?? 0), 0);
  }

  /**
   * The container prints a message: a line with its line feed, or a piece of a long one.
   * @param at when: seconds since 1970, and nine digits behind a point.
   */
  print(at: string, text: string, stream: 'out' | 'err' = 'out'): void {
    const message = { stream, at, text };
    this.#messages.push(message);
    for (const tell of this.#followers) tell(message);
  }

  /** The container stops: who follows is told the end. */
  end(): void {
    for (const response of this.#waiting.keys()) this.#send(response, undefined);
  }

  /** Answers a question for the log. */
  answer(query: URLSearchParams, response: ServerResponse): void {
    if (this.fault) {
      response.writeHead(this.fault.status).end(JSON.stringify({ message: this.fault.message }));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/vnd.docker.raw-stream' });
    response.flushHeaders();
    const since = query.get('since') ?? '0';
    this.#waiting.set(response, []);
    const bytes = this.#messages.filter((message) => isWanted(message, query) && message.at >= since);
    this.#send(response, Buffer.concat(bytes.map((message) => this.#encode(message, query))));
    const tell = (message: Message): void => {
      if (isWanted(message, query)) this.#send(response, this.#encode(message, query));
    };
    response.on('drain', () => this.#pump(response));
    response.on('close', () => this.#waiting.delete(response) && this.#followers.delete(tell));
    if (query.get('follow') === 'true') this.#followers.add(tell);
    else this.#send(response, undefined);
  }

  #send(response: ServerResponse, bytes: Buffer | undefined): void {
    const waiting = this.#waiting.get(response) ?? [];
    if (bytes) for (let at = 0; at < bytes.length; at += this.chunk) waiting.push(bytes.subarray(at, at + this.chunk));
    else waiting.push(undefined);
    if (!response.writableNeedDrain) this.#pump(response);
  }

  #pump(response: ServerResponse): void {
    const waiting = this.#waiting.get(response) ?? [];
    while (waiting.length > 0) {
      const chunk = waiting.shift();
      if (!chunk) response.end();
      else if (!response.write(chunk)) return;
    }
  }

  #encode({ stream, at, text }: Message, query: URLSearchParams): Buffer {
    const [seconds = '0', nanoseconds = '0'] = at.split('.');
    const time = new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `.${nanoseconds}Z `);
    const payload = Buffer.from(`${query.get('timestamps') === 'true' ? time : ''}${text}`);
    if (this.hasTerminal) return payload;
    const header = Buffer.alloc(8);
    header[0] = stream === 'out' ? 1 : 2;
    header.writeUInt32BE(payload.length, 4);
    return Buffer.concat([header, payload]);
  }
}

function isWanted({ stream }: { stream: 'out' | 'err' }, query: URLSearchParams): boolean {
  return query.get(stream === 'out' ? 'stdout' : 'stderr') === 'true';
}
