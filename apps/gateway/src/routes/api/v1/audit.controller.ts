import { Bus } from '@lapwing/bus';
import { auditList } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers, isoTime } from '../../../http/answer.js';
import { instant, isoSeconds, whole } from '../../../http/query.js';

const word = z.string().min(1).max(40).optional();
const AuditQuery = z.object({
  limit: whole(1, 1000).default(100),
  offset: whole(0, 1_000_000).default(0),
  before: whole(1, Number.MAX_SAFE_INTEGER).optional(),
  type: word,
  action: word,
  user: z.string().min(1).max(256).optional(),
  from: instant.optional(),
  to: instant.optional(),
});
const Audit = z.object({
  entries: z.array(
    z.object({
      id: z.int(),
      timestamp: isoTime,
      type: z.string(),
      action: z.string(),
      target: z.string(),
      user: z.string(),
      user_id: z.uuid().nullable(),
      address: z.string(),
      details: z.record(z.string(), z.unknown()),
      hash: z.string(),
    }),
  ),
  total: z.int(),
});

/** The audit trail, the newest first. */
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('security:manage')
  @Answers('The audit trail, the newest first', Audit)
  async list(@Query({ schema: AuditQuery }) query: z.infer<typeof AuditQuery>): Promise<z.infer<typeof Audit>> {
    const { entries, total } = await this.bus.request(auditList, query);
    return {
      entries: entries.map(({ time, userId, ...entry }) => ({
        ...entry,
        timestamp: isoSeconds(time),
        user_id: userId,
      })),
      total,
    };
  }
}
