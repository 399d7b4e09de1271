import { Bus } from '@lapwing/bus';
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { Pages, pagePieces, sendPieces } from '../../../http/pieces.js';
import { openAlerts } from '../../../services/alert-pages.js';
import { PulseAlert, toPulseAlert } from './alerts.view.js';

/** Pulse's open alerts. */
@Controller('api/alerts/active')
export class ActiveAlertsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view', { inApiOnlyMode: true })
  @Answers('All open alerts, the newest first', z.array(PulseAlert))
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await sendPieces(request, reply, pagePieces(new Pages(openAlerts(this.bus), toPulseAlert)));
  }
}
