import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { DrainService } from '../services/drain.service.js';
import { RealtimeService } from '../services/realtime.service.js';
import { streamOn } from './event-stream.js';
import { WebRequest } from './upgrade.js';

/** After so long whatever is still under way is cut off, so that the process ends in order. */
const DRAIN_MS = 7500;
/** How long sockets may take to say good-bye. */
const SOCKETS_MS = 1000;
const LOOK_MS = 25;

/** Counts requests; while the gateway drains, an answer says that no more may follow on its connection. */
export function addDraining(app: NestFastifyApplication): void {
  const drain = app.get(DrainService, { strict: false });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    // What becomes a socket has no answer that could end.
    if (!(request.raw instanceof WebRequest && request.raw.upgrade)) {
      drain.requests.add(reply.raw);
      reply.raw.once('close', () => drain.requests.delete(reply.raw));
    }
    done();
  });
  fastify.addHook('onSend', (_: FastifyRequest, reply: FastifyReply, payload: unknown, done) => {
    if (drain.isDraining) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** An application that answers what it was asked before it stops: for processes that are asked to end. */
export function draining(app: NestFastifyApplication): { close(): Promise<void> } {
  return {
    close: async () => {
      await drainHttp(app);
      await app.close();
    },
  };
}

/**
 * Takes no more connections once those who choose among gateways know that, lets requests end, and sends those who watch elsewhere. All services
 * are asked as before meanwhile.
 */
async function drainHttp(app: NestFastifyApplication): Promise<void> {
  const drain = app.get(DrainService, { strict: false });
  const realtime = app.get(RealtimeService, { strict: false });
  const { server } = app.getHttpAdapter().getInstance();
  const until = performance.now() + DRAIN_MS;
  await drain.begin();
  server.close();
  const socketsUntil = performance.now() + SOCKETS_MS;
  const isOver = (): boolean =>
    [...drain.requests].every(isLeft) && (realtime.watching === 0 || performance.now() > socketsUntil);
  do {
    for (const response of drain.requests) streamOn(response)?.leave();
    realtime.leave();
    server.closeIdleConnections();
    await pause(LOOK_MS);
  } while (!isOver() && performance.now() < until);
}

/** Whether an answer is a stream that has ended, or that somebody else goes on with. */
function isLeft(response: ServerResponse): boolean {
  return streamOn(response)?.isOpen === false;
}
