import type { WebSocket } from 'ws';
import type { Socket } from 'node:net';
import { frameHead } from '../services/websocket-frame.js';
import type { StateDocument } from '../services/state-document.js';
import type { Watcher } from '../services/realtime.service.js';

/** What may wait for a client that reads slowly, beside one whole state. */
const MAX_WAITING = 2 ** 22;
/** States in a row that a client had no room for; then it is cut off. */
const MAX_MISSED = 12;

/**
 * A watcher on a WebSocket. The whole state is framed and compressed once for all, and written past the library's own sender: frames of a
 * server are not masked, so that all clients get the same bytes (RFC 6455, 5.1; RFC 7692, 7.2.3.6 without context takeover).
 */
export class StateSocket implements Watcher {
  #missed = 0;
  #sending = false;
  /** What comes while a state is being packed must not overtake it. */
  readonly #queue: string[] = [];
  readonly #isCompressed: boolean;

  constructor(
    private readonly client: WebSocket,
    private readonly socket: Socket,
    readonly deltas: boolean,
  ) {
    // A client that wants a smaller window could not read what was deflated for all.
    this.#isCompressed =
      /permessage-deflate/.test(client.extensions) && !/server_max_window_bits/.test(client.extensions);
  }

  sendState(type: 'initialState' | 'rawData', document: StateDocument): boolean {
    if (this.#sending || this.socket.writableLength > MAX_WAITING) {
      if (++this.#missed >= MAX_MISSED) this.client.close(1013, 'this client reads more slowly than the state changes');
      return false;
    }
    this.#missed = 0;
    const { plain, deflated } = document.message(type);
    if (!this.#isCompressed) this.#write(plain, false);
    else {
      this.#sending = true;
      deflated().then(
        // The last four bytes of a flush are left out on the wire.
        (bytes) => this.#write(bytes.subarray(0, -4), true),
        () => this.#write(plain, false),
      );
    }
    return true;
  }

  send(type: string, data: string): void {
    if (this.client.readyState !== this.client.OPEN) return;
    if (this.socket.writableLength > MAX_WAITING * 2) return this.client.terminate();
    const text = `{"type":${JSON.stringify(type)},"data":${data},"timestamp":${JSON.stringify(new Date().toISOString())}}`;
    if (this.#sending) this.#queue.push(text);
    else this.client.send(text, { compress: false });
  }

  close(): void {
    this.client.close(1001, 'the server stops');
  }

  #write(bytes: Buffer, isCompressed: boolean): void {
    this.#sending = false;
    if (this.client.readyState !== this.client.OPEN) return;
    this.socket.cork();
    this.socket.write(frameHead(bytes.length, isCompressed));
    this.socket.write(bytes);
    this.socket.uncork();
    for (const text of this.#queue.splice(0)) this.client.send(text, { compress: false });
  }
}
