import { Bus } from '@lapwing/bus';
import { auditList } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers, isoTime } from '../../../../http/answer.js';
import { isoSeconds, whole } from '../../../../http/query.js';

const ActivityQuery = z.object({
  limit: whole(1, 1000).default(100),
  offset: whole(0, 1_000_000).default(0),
  type: z.string().min(1).max(40).optional(),
  user: z.string().min(1).max(256).optional(),
});
const Activity = z.object({
  activities: z.array(
    z.object({
      id: z.string(),
      type: z.string(),
      action: z.string(),
      target: z.string(),
      user: z.string(),
      timestamp: isoTime,
      details: z.record(z.string(), z.unknown()),
    }),
  ),
});

/** Supascale's activity: a view of the audit trail, without addresses. */
@Controller('api/v1/system/activity')
export class ActivityController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('system:read')
  @Answers('Who did what to what, the newest first', Activity)
  async list(
    @Query({ schema: ActivityQuery }) query: z.infer<typeof ActivityQuery>,
  ): Promise<z.infer<typeof Activity>> {
    const { entries } = await this.bus.request(auditList, query);
    return {
      activities: entries.map(({ id, type, action, target, user, time, details }) => {
        const timestamp = isoSeconds(time);
        return { id: `act-${id}`, type, action, target, user, timestamp, details };
      }),
    };
  }
}
