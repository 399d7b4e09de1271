import { Bus } from '@lapwing/bus';
import { Enrolled, Enrollment, agentEnroll } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Public, Unaudited } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { From } from '../../../../http/caller.js';

/** Where a host asks to be let in. Its signature stands for a credential. */
@Controller('api/v1/agents/enroll')
export class EnrollController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Public()
  @Unaudited()
  @Answers('A host asks to be let in, or for new credentials', Enrolled)
  enroll(@Body({ schema: Enrollment }) ask: z.infer<typeof Enrollment>, @From() address: string) {
    return this.bus.request(agentEnroll, { ...ask, address });
  }
}
