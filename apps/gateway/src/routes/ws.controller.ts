import { LapwingError } from '@lapwing/contracts';
import { Controller, Get, Inject, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { WebSocketServer, type WebSocket } from 'ws';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { Requires } from '../http/access.js';
import { Answers } from '../http/answer.js';
import { refuseForeignOrigin } from '../http/origin.js';
import { flag } from '../http/query.js';
import { StateSocket } from '../http/state-socket.js';
import { addressOf } from '../http/caller.js';
import { takeUpgrade, type Upgrade } from '../http/upgrade.js';
import { PrincipalsService } from '../services/principals.service.js';
import { RealtimeService } from '../services/realtime.service.js';

const SocketQuery = z.object({ deltas: flag.default(false) });
/** Clients say little: `ping` and `requestData`. */
const MAX_PAYLOAD = 4096;
const PING_MS = 25_000;
const MAX_MESSAGES = 60;

const Messages = z
  .string()
  .describe('messages {type, data, timestamp}: welcome, initialState, rawData or delta, ping, …');

/** Pulse's WebSocket: the whole state on a beat, or with `deltas` only what changes. */
@Controller('ws')
export class WebSocketController implements OnModuleDestroy {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    clientTracking: true,
    // Nothing is compressed for one client: what is large is compressed once for all.
    perMessageDeflate: {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: Number.MAX_SAFE_INTEGER,
    },
  });
  readonly #silent = new WeakSet<WebSocket>();
  readonly #timer = setInterval(() => this.#ping(), PING_MS);

  constructor(
    private readonly realtime: RealtimeService,
    private readonly principals: PrincipalsService,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  onModuleDestroy(): void {
    clearInterval(this.#timer);
    for (const client of this.#server.clients) client.terminate();
  }

  @Get()
  @Requires('dashboard:view', { tokenInQuery: true, inApiOnlyMode: true })
  @Answers('The state as it changes, over a WebSocket', { 'application/json': Messages }, [101])
  open(
    @Query({ schema: SocketQuery }) { deltas }: z.infer<typeof SocketQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    refuseForeignOrigin(request, this.config);
    this.realtime.wantRoom();
    if (request.headers.upgrade?.toLowerCase() !== 'websocket')
      throw new LapwingError('INVALID_INPUT', 'this is a WebSocket: connect with the headers of one');
    const upgrade = takeUpgrade(request);
    if (!upgrade) throw new LapwingError('INVALID_INPUT', 'this connection cannot become a WebSocket');
    let client: WebSocket | undefined;
    const unwatch = this.#watch(request, upgrade, () => client?.close(1008, 'logged out'));
    if (!unwatch) return void reply.hijack();
    reply.hijack();
    upgrade.socket.once('close', unwatch);
    this.#server.handleUpgrade(request.raw, upgrade.socket, upgrade.head, (opened) => {
      client = opened;
      this.#serve(opened, new StateSocket(opened, upgrade.socket, deltas));
    });
  }

  /** Undefined when this credential has too many sockets already: then the connection is over. */
  #watch(request: FastifyRequest, { socket }: Upgrade, end: () => void): (() => void) | undefined {
    try {
      return this.principals.watch(request.caller?.hash ?? null, 'dashboard:view', end, addressOf(request));
    } catch {
      socket.end('HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 60\r\n\r\n', () =>
        socket.destroySoon(),
      );
      return undefined;
    }
  }

  #serve(client: WebSocket, watcher: StateSocket): void {
    const end = this.realtime.watch(watcher);
    let budget = MAX_MESSAGES;
    const refill = setInterval(() => (budget = MAX_MESSAGES), PING_MS);
    client.on('message', (data: Buffer) => {
      if (--budget < 0) return client.close(1008, 'too many messages');
      this.realtime.hear(watcher, typeOf(data));
    });
    client.on('pong', () => this.#silent.delete(client));
    client.on('error', () => client.terminate());
    client.on('close', () => {
      clearInterval(refill);
      end();
    });
  }

  /** Who has not answered since the last time is gone. */
  #ping(): void {
    for (const client of this.#server.clients) {
      if (this.#silent.has(client)) client.terminate();
      else {
        this.#silent.add(client);
        client.ping();
      }
    }
  }
}

function typeOf(data: Buffer): unknown {
  try {
    return (JSON.parse(data.toString()) as { type?: unknown } | null)?.type;
  } catch {
    return undefined;
  }
}
