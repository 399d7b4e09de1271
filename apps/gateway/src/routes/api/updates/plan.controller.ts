import { Bus } from '@lapwing/bus';
import { ReleaseChannel, Version, planGet } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { tagged } from './updates.view.js';

const PlanQuery = z.object({
  version: z
    .string({ error: 'a version, e.g. v1.4.0' })
    .transform((text) => text.replace(/^v/, ''))
    .pipe(Version),
  channel: ReleaseChannel.optional(),
});
const PlanView = z.object({
  version: z.string(),
  channel: ReleaseChannel,
  deploymentType: z.string(),
  canAutoUpdate: z.boolean(),
  steps: z.array(z.string()),
});

/** Pulse's plan of an update. */
@Controller('api/updates/plan')
export class UpdatePlanController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('system:read')
  @Answers('The commands that bring this deployment to a version', PlanView)
  async get(@Query({ schema: PlanQuery }) query: z.infer<typeof PlanQuery>): Promise<z.infer<typeof PlanView>> {
    const { version, channel, deploymentType, canApply, steps } = await this.bus.request(planGet, query);
    return { version: tagged(version), channel, deploymentType, canAutoUpdate: canApply, steps };
  }
}
