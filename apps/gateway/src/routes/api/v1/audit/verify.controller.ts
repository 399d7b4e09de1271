import { Bus } from '@lapwing/bus';
import { auditVerify } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { whole } from '../../../../http/query.js';

const VerifyQuery = z.object({ after: whole(0, Number.MAX_SAFE_INTEGER).default(0) });
const Verdict = z.object({
  valid: z.boolean(),
  entries: z.int().describe('entries that are right, from the beginning on'),
  firstBrokenId: z.int().nullable(),
  fault: z.string().nullable(),
  next: z.int().nullable().describe('what to give as "after" to go on with a long trail'),
});

/** Whether anybody has changed the audit trail. */
@Controller('api/v1/audit/verify')
export class AuditVerifyController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('security:manage')
  @Answers('Checks the chain of the audit trail, for ten seconds at a time', Verdict)
  verify(@Query({ schema: VerifyQuery }) query: z.infer<typeof VerifyQuery>): Promise<z.infer<typeof Verdict>> {
    return this.bus.request(auditVerify, query);
  }
}
