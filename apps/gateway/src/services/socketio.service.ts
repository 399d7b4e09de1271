import type { OnModuleDestroy } from '@nestjs/common';
import { Server as Engine } from 'engine.io';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { frameHead } from './websocket-frame.js';
import type { PrincipalsService } from './principals.service.js';
import type { RealtimeService, Watcher } from './realtime.service.js';
import type { StateDocument } from './state-document.js';

/** Clients say little: `ping` and `requestData`. */
const MAX_PAYLOAD = 4096;
const MAX_MESSAGES = 60;
const REFILL_MS = 25_000;
/** Messages that wait for a client by polling; one that never comes back for them is cut off by its heartbeat. */
const MAX_WAITING = 100;

/** Who opened a session. */
interface Opener {
  /** The hash of the credential; null without one. */
  hash: string | null;
  address: string;
}

/** The same messages as on `/ws`, as events of Socket.IO, by polling or WebSocket. */
export class SocketIoService implements OnModuleDestroy {
  readonly #engine = new Engine({ maxHttpBufferSize: MAX_PAYLOAD, allowUpgrades: true, pingInterval: 25_000 });
  readonly #server = new Server({ serveClient: false });
  /** With which credential, and from where each session was opened. */
  readonly #openers = new WeakMap<IncomingMessage, Opener>();

  constructor(
    private readonly realtime: RealtimeService,
    private readonly principals: PrincipalsService,
  ) {
    this.#server.bind(this.#engine);
    this.#server.on('connection', (socket) => this.#serve(socket));
  }

  async onModuleDestroy(): Promise<void> {
    await this.#server.close();
    this.#engine.close();
  }

  /** Takes a request that the guard let pass. */
  handle(request: IncomingMessage, response: ServerResponse, opener: Opener): void {
    this.#openers.set(request, opener);
    this.#engine.handleRequest(request, response);
  }

  /** Takes a connection that the guard let pass and that becomes a WebSocket. */
  upgrade(request: IncomingMessage, socket: NetSocket, head: Buffer, opener: Opener): void {
    this.#openers.set(request, opener);
    this.#engine.handleUpgrade(request, socket, head);
  }

  #serve(socket: Socket): void {
    const { hash, address } = this.#openers.get(socket.conn.request) ?? { hash: null, address: '' };
    let unwatch: () => void;
    try {
      unwatch = this.principals.watch(hash, 'dashboard:view', () => socket.disconnect(true), address);
    } catch {
      socket.disconnect(true);
      return;
    }
    const watcher = new SocketIoWatcher(socket);
    const end = this.realtime.watch(watcher);
    let budget = MAX_MESSAGES;
    const refill = setInterval(() => (budget = MAX_MESSAGES), REFILL_MS);
    socket.onAny((type: unknown) => {
      if (--budget < 0) socket.disconnect(true);
      else this.realtime.hear(watcher, type);
    });
    socket.on('disconnect', () => {
      clearInterval(refill);
      unwatch();
      end();
    });
  }
}

/** A watcher by Socket.IO. Packets are written by hand, so that the state is not written anew for each client (protocol v5, type 2). */
class SocketIoWatcher implements Watcher {
  readonly deltas: boolean;

  constructor(private readonly socket: Socket) {
    this.deltas = ['1', 'true'].includes(String(socket.handshake.query['deltas']));
  }

  sendState(type: 'initialState' | 'rawData', document: StateDocument): boolean {
    if (this.#waiting() > 0) return false;
    const { text, bytes } = document.packet(type);
    // As a WebSocket the client gets bytes that were made once; by polling, the text.
    const frame = { wsPreEncodedFrame: [frameHead(bytes.length, false), bytes] };
    this.socket.conn.send(text, frame as object);
    return true;
  }

  send(type: string, data: string): void {
    if (this.#waiting() > MAX_WAITING) this.socket.disconnect(true);
    else this.socket.conn.send(`2[${JSON.stringify(type)},${data}]`);
  }

  close(): void {
    // A client that is told to go by a packet of Socket.IO stays away; one whose connection ends comes back.
    this.socket.conn.close();
  }

  #waiting(): number {
    return (this.socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
  }
}
