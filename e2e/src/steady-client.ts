import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const DEADLINE_MS = 15_000;

/** What is asked over and over. */
export interface Step {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  route: string;
  body?: unknown;
}

/** What a client has seen. */
export interface Seen {
  requests: number;
  /** Asked once more, because the connection that was kept had been closed before anything of an answer came. */
  retries: number;
  longestMs: number;
  /** In words, what was not answered as it should be. */
  failures: string[];
}

/** The connection that was kept turned out to be closed; a browser asks again by itself then (RFC 9112, section 9.3.1). */
class KeptConnectionClosed extends Error {}

/** Asks the same things over and over, one after the other, on a connection that is kept for as long as the server keeps it. */
export class SteadyClient {
  readonly seen: Seen = { requests: 0, retries: 0, longestMs: 0, failures: [] };
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly headers: Record<string, string>,
    private readonly steps: Step[],
    private readonly pauseMs: number,
  ) {}

  /** Begins. */
  start(): void {
    this.#running = this.#run();
  }

  /** Ends after the request under way. */
  async stop(): Promise<Seen> {
    this.#stopping.abort();
    await this.#running;
    this.#agent.destroy();
    return this.seen;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let turn = 0; !signal.aborted; turn++) {
      const step = this.steps[turn % this.steps.length];
      if (step) await this.#take(step);
      await pause(this.pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async #take(step: Step): Promise<void> {
    const begun = performance.now();
    this.seen.requests++;
    try {
      const answer = await this.#ask(step, this.#agent).catch((error: unknown) => {
        if (!(error instanceof KeptConnectionClosed)) throw error;
        this.seen.retries++;
        return this.#ask(step, false);
      });
      if (answer.status < 200 || answer.status > 299) throw new Error(`${answer.status} ${answer.text.slice(0, 300)}`);
    } catch (error) {
      this.seen.failures.push(
        `${step.method} ${step.route}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    this.seen.longestMs = Math.max(this.seen.longestMs, Math.round(performance.now() - begun));
  }

  /** @param agent `false`: on a connection of its own. */
  #ask(step: Step, agent: Agent | false): Promise<{ status: number; text: string }> {
    const body = step.body === undefined ? undefined : JSON.stringify(step.body);
    const headers = {
      ...this.headers,
      ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve, reject) => {
      const options = { method: step.method, headers, agent, signal: AbortSignal.timeout(DEADLINE_MS) };
      const asked: ClientRequest = request(new URL(step.route, this.url), options, (answer: IncomingMessage) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (text += chunk));
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.once('error', reject);
      });
      asked.once('error', (error: NodeJS.ErrnoException) =>
        reject(asked.reusedSocket && error.code === 'ECONNRESET' ? new KeptConnectionClosed(error.message) : error),
      );
      asked.end(body);
    });
  }
}

/** Follows events as a browser's EventSource does: when a stream ends it comes back after as long as the server has said. */
export class EventFollower {
  events = 0;
  connections = 0;
  longestPauseMs = 0;
  /** Streams that did not end in order. */
  readonly failures: string[] = [];
  readonly #stopping = new AbortController();
  #lastAt = 0;
  #retryMs = 3000;
  #running: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly headers: Record<string, string>,
  ) {}

  /** Begins. */
  start(): void {
    this.#running = this.#run();
  }

  /** Ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#follow();
      } catch (error) {
        if (!signal.aborted) this.failures.push(error instanceof Error ? error.message : String(error));
      }
      await pause(this.#retryMs, undefined, { signal }).catch(() => {});
    }
  }

  async #follow(): Promise<void> {
    const answer = await fetch(this.url, { headers: this.headers, signal: this.#stopping.signal });
    if (answer.status !== 200 || !answer.body) throw new Error(`the stream is answered with ${answer.status}`);
    this.connections++;
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) this.#take(decoder.decode(chunk as Uint8Array, { stream: true }));
  }

  #take(text: string): void {
    const retry = /^retry: (\d+)$/m.exec(text)?.[1];
    if (retry !== undefined) this.#retryMs = Number(retry);
    const events = text.split('\n').filter((line) => line.startsWith('data:')).length;
    if (events === 0) return;
    const now = performance.now();
    if (this.#lastAt > 0) this.longestPauseMs = Math.max(this.longestPauseMs, Math.round(now - this.#lastAt));
    this.#lastAt = now;
    this.events += events;
  }
}
