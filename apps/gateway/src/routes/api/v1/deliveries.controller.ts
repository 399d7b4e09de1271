import { Bus } from '@lapwing/bus';
import { deliveryStatuses } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { whole } from '../../../http/query.js';
import { deliveries } from '../../../services/alert-pages.js';
import { DeliveryView, toDeliveryView } from './deliveries.view.js';

const DeliveryQuery = z.object({
  limit: whole(1, 1000).default(100),
  offset: whole(0, 990_000).default(0),
  channel: z.enum(['email', 'webhook']).optional(),
  status: z.enum(deliveryStatuses).optional(),
  alert_id: z.string().max(900).optional(),
});
const Deliveries = z.object({ deliveries: z.array(DeliveryView), total: z.int() });

/** What was told to whom. */
@Controller('api/v1/deliveries')
export class DeliveriesController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('notifications:view')
  @Answers('Messages and what became of them, the newest first', Deliveries)
  async list(
    @Query({ schema: DeliveryQuery }) { alert_id: alertId, ...query }: z.infer<typeof DeliveryQuery>,
  ): Promise<z.infer<typeof Deliveries>> {
    const found = await deliveries(this.bus, { ...query, alertId });
    return { deliveries: found.deliveries.map(toDeliveryView), total: found.total };
  }
}
