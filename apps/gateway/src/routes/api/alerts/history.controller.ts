import { Bus } from '@lapwing/bus';
import { alerthistoryClear, type Actor, type Alert } from '@lapwing/contracts';
import { Controller, Delete, Get, HttpCode, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { Pages, pagePieces, sendPieces } from '../../../http/pieces.js';
import { instant, whole } from '../../../http/query.js';
import { pastAlerts, type PastFilter } from '../../../services/alert-pages.js';
import { PastAlert, toPastAlert } from './alerts.view.js';

const MAX_ALERTS = 10_000;
const level = z.enum(['warning', 'critical', 'all']).optional();
const HistoryQuery = z.object({
  limit: whole(0, MAX_ALERTS).default(100).describe('0: as many as there are, 10000 at most'),
  offset: whole(0, 990_000).default(0),
  startTime: instant.optional(),
  endTime: instant.optional(),
  from: instant.optional().describe('another name of startTime'),
  to: instant.optional().describe('another name of endTime'),
  severity: level,
  level: level.describe('another name of severity'),
  resourceId: z.string().max(700).optional(),
});
const Cleared = z.object({ success: z.literal(true), message: z.string() });

/** Pulse's history of alerts. */
@Controller('api/alerts/history')
export class AlertHistoryController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view', { inApiOnlyMode: true })
  @Answers('Alerts of before and of now, the newest first', z.array(PastAlert))
  async list(
    @Query({ schema: HistoryQuery }) query: z.infer<typeof HistoryQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const wanted = query.severity ?? query.level ?? 'all';
    const filter = {
      from: query.startTime ?? query.from ?? null,
      to: query.endTime ?? query.to ?? null,
      level: wanted === 'all' ? null : wanted,
      resourceId: query.resourceId ?? null,
    };
    const range = { limit: query.limit || MAX_ALERTS, offset: query.offset };
    await sendPieces(request, reply, pagePieces(new Pages(this.#pages(filter, range), toPastAlert)));
  }

  @Delete()
  @HttpCode(200)
  @Requires('alerts:configure')
  @Audits(() => ({ type: 'alerts', action: 'history_cleared', target: 'all' }))
  @Answers('Forgets the alerts that are over; those that are open stay', Cleared)
  async clear(@By() actor: Actor): Promise<z.infer<typeof Cleared>> {
    const { deleted } = await this.bus.request(alerthistoryClear, { actor });
    return { success: true, message: `${deleted} alerts are forgotten` };
  }

  async *#pages(filter: PastFilter, range: { limit: number; offset: number }): AsyncGenerator<Alert[]> {
    for await (const { alerts } of pastAlerts(this.bus, filter, range)) yield alerts;
  }
}
