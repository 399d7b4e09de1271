import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { endRequest } from './request-span.js';

const UPGRADE = Symbol('upgrade');
const REFUSE_MS = 15_000;

const OFFERED = Symbol('offered');

/**
 * A request that becomes something else only when it is to be a WebSocket. Whoever offers another protocol beside what he asks (`Upgrade:
 * h2c`) must be answered as if he had not: Node would leave his body unread as soon as somebody listens for upgrades.
 */
export class WebRequest extends IncomingMessage {
  declare [OFFERED]: boolean | null;

  get upgrade(): boolean {
    return this[OFFERED] === true && this.headers.upgrade?.toLowerCase() === 'websocket';
  }

  set upgrade(offered: boolean | null) {
    this[OFFERED] = offered;
  }
}

/** What a connection that wants another protocol brings. */
export interface Upgrade {
  socket: Socket;
  head: Buffer;
}

type Upgradable = IncomingMessage & { [UPGRADE]?: Upgrade & { response: ServerResponse } };

/**
 * Leads requests for another protocol through the same routes as all others: the guard stands before them, and what it refuses is answered
 * as HTTP. Of those that pass, the controller takes the connection by {@link takeUpgrade}.
 */
export function routeUpgrades(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.server.on('upgrade', (request: Upgradable, socket: Socket, head: Buffer) => {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // What is refused is over when its answer is written: nothing watches such a connection any more, and its client may never close it.
    response.on('finish', () => socket.destroySoon());
    socket.setTimeout(REFUSE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    request[UPGRADE] = { socket, head, response };
    fastify.routing(request, response);
  });
}

/** The connection of a request that asks for another protocol, which from then on is the caller's; undefined for any other request. */
export function takeUpgrade(request: FastifyRequest): Upgrade | undefined {
  const raw = request.raw as Upgradable;
  const upgrade = raw[UPGRADE];
  if (!upgrade) return undefined;
  delete raw[UPGRADE];
  endRequest(request.raw, 101);
  upgrade.response.detachSocket(upgrade.socket);
  upgrade.socket.setTimeout(0);
  return { socket: upgrade.socket, head: upgrade.head };
}
