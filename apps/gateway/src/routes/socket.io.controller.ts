import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GATEWAY_CONFIG, type GatewayConfig } from '../config.js';
import { Requires, Unaudited } from '../http/access.js';
import { Answers } from '../http/answer.js';
import { addressOf } from '../http/caller.js';
import { refuseForeignOrigin } from '../http/origin.js';
import { takeUpgrade } from '../http/upgrade.js';
import { RealtimeService } from '../services/realtime.service.js';
import { SocketIoService } from '../services/socketio.service.js';

const packets = { 'text/plain': z.string().describe('packets of Engine.IO') };

/** Socket.IO, for clients that speak it: by polling or WebSocket. */
@Controller('socket.io')
export class SocketIoController {
  constructor(
    private readonly sockets: SocketIoService,
    private readonly realtime: RealtimeService,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Get()
  @Requires('dashboard:view', { tokenInQuery: true, inApiOnlyMode: true })
  @Answers('Opens a session of Socket.IO, or takes packets out of one', packets)
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    // A session that is open already has its room.
    if ((request.query as { sid?: unknown }).sid === undefined) this.realtime.wantRoom();
    this.#pass(request, reply);
  }

  @Post()
  @Requires('dashboard:view', { tokenInQuery: true, inApiOnlyMode: true, ownForm: true })
  @Unaudited()
  @Answers('Puts packets into a session of Socket.IO', packets)
  post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.#pass(request, reply);
  }

  #pass(request: FastifyRequest, reply: FastifyReply): void {
    refuseForeignOrigin(request, this.config);
    const opener = { hash: request.caller?.hash ?? null, address: addressOf(request) };
    const upgrade = takeUpgrade(request);
    reply.hijack();
    if (upgrade) this.sockets.upgrade(request.raw, upgrade.socket, upgrade.head, opener);
    else this.sockets.handle(request.raw, reply.raw, opener);
  }
}
