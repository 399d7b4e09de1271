import { Bus } from '@lapwing/bus';
import { alertLevels } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { instant, whole } from '../../../../http/query.js';
import { allPastAlerts } from '../../../../services/alert-pages.js';
import { AlertView, toAlertView } from '../alerts.view.js';

const HistoryQuery = z.object({
  limit: whole(1, 1000).default(100),
  offset: whole(0, 990_000).default(0),
  from: instant.optional(),
  to: instant.optional(),
  level: z.enum(alertLevels).optional(),
  resource_id: z.string().max(700).optional(),
});
const History = z.object({ alerts: z.array(AlertView), total: z.int() });

/** Alerts of before and of now. */
@Controller('api/v1/alerts/history')
export class TytoAlertHistoryController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('alerts:view')
  @Answers('Alerts of before and of now, the newest first', History)
  async list(@Query({ schema: HistoryQuery }) query: z.infer<typeof HistoryQuery>): Promise<z.infer<typeof History>> {
    const { limit, offset, from = null, to = null, level = null, resource_id: resourceId = null } = query;
    const { alerts, total } = await allPastAlerts(this.bus, { from, to, level, resourceId }, { limit, offset });
    return { alerts: alerts.map(toAlertView), total };
  }
}
