import type { FastifyReply } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { endRequest } from './request-span.js';

const HEARTBEAT_MS = 15_000;
/** What may wait for a client that reads slowly. */
const MAX_WAITING_BYTES = 2 ** 21;
/** Whoever sends much waits until a client has taken what is beyond this. */
const ENOUGH_BYTES = 2 ** 18;
const MAX_STALL_MS = 30_000;
const CLOSE_AFTER_MS = 5000;
const TOO_SLOW = 'this client reads more slowly than events come; connect again to resume';

/** Those who end up at a gateway that stops come back over this span of time, and not all at once. */
const BACK_MS = { least: 250, most: 1500 };

const streams = new WeakMap<ServerResponse, EventStream>();

/** The stream of events that an answer is; undefined when it is none. */
export function streamOn(response: ServerResponse): EventStream | undefined {
  return streams.get(response);
}

/**
 * A Server-Sent-Events answer: comments as heartbeats, and an end with `event: dropped` for a client that reads more
 * slowly than events come, instead of a queue that grows.
 */
export class EventStream {
  readonly #response;
  readonly #closers: (() => void)[] = [];
  readonly #heartbeat: NodeJS.Timeout;
  #open = true;

  constructor(reply: FastifyReply) {
    reply.hijack();
    this.#response = reply.raw;
    streams.set(reply.raw, this);
    this.#response.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
    });
    endRequest(reply.request.raw, 200);
    this.#response.write('retry: 3000\n\n');
    this.#heartbeat = setInterval(() => this.send(': heartbeat\n\n'), HEARTBEAT_MS);
    this.#response.on('close', () => this.#close());
    this.#response.on('error', () => this.#close());
  }

  /** Whether more can be sent. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Calls `close` when the client is gone; at once when it already is. */
  whenClosed(close: () => void): void {
    if (this.#open) this.#closers.push(close);
    else close();
  }

  /** Sends text that is already in the form of an event. */
  send(text: string): void {
    if (!this.#open) return;
    if (this.#response.writableLength > MAX_WAITING_BYTES) return this.drop(TOO_SLOW);
    this.#response.write(text);
  }

  /** Sends an event. */
  event(name: string, data: unknown): void {
    this.send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Ends, and has the client come back in a moment, on another connection: then others answer. */
  leave(): void {
    if (!this.#open) return;
    const response = this.#response;
    const { socket } = response;
    const retryMs = Math.round(BACK_MS.least + Math.random() * (BACK_MS.most - BACK_MS.least));
    this.#close();
    response.end(`retry: ${retryMs}\n\n`, () => socket?.end());
  }

  /** Tells an error and ends. */
  fail(message: string): void {
    this.end('error', { error: message });
  }

  /** Sends a last event and ends. */
  end(name: string, data: unknown): void {
    this.event(name, data);
    this.#end();
  }

  /**
   * Leaves the connection to somebody else, who goes on in the middle of the body: in chunks (RFC 9112, section 7.1), or as it is for clients of
   * HTTP/1.0. Undefined when the client is gone.
   */
  handOver(): { socket: Socket; isChunked: boolean } | undefined {
    const { socket, req } = this.#response;
    if (!this.#open || !socket || socket.destroyed) return undefined;
    this.#close();
    return { socket, isChunked: req.httpVersion !== '1.0' };
  }

  /** Tells that no more events will come, and why, and ends. */
  drop(reason: string): void {
    if (!this.#open) return;
    this.#response.write(`event: dropped\ndata: ${JSON.stringify({ reason })}\n\n`);
    this.#end();
  }

  /** Waits until the client has taken what was sent, or is gone; one that takes nothing for 30 s is dropped. */
  async drained(): Promise<void> {
    const response = this.#response;
    if (!this.#open || response.writableLength < ENOUGH_BYTES || !response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const stalled = setTimeout(() => this.drop(TOO_SLOW), MAX_STALL_MS);
      const done = (): void => {
        clearTimeout(stalled);
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.once('drain', done).once('close', done);
    });
  }

  #end(): void {
    const response = this.#response;
    this.#close();
    response.end();
    setTimeout(() => response.destroy(), CLOSE_AFTER_MS).unref();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#heartbeat);
    for (const close of this.#closers.splice(0)) close();
  }
}
