import { Bus } from '@lapwing/bus';
import { ReleaseChannel, planGet, releaseCheck } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { CountedAs } from '../../../http/caller.js';
import { LimitsService } from '../../../services/limits.service.js';
import { CheckView, toCheckView } from './updates.view.js';

const CheckQuery = z.object({ channel: ReleaseChannel.optional() });

/** Pulse's check for updates. */
@Controller('api/updates/check')
export class UpdateCheckController {
  constructor(
    private readonly bus: Bus,
    private readonly limits: LimitsService,
  ) {}

  @Get()
  @Requires('system:read')
  @Answers('Whether there is a newer release, and what brings this deployment to it; ten an hour', CheckView)
  async get(
    @Query({ schema: CheckQuery }) { channel }: z.infer<typeof CheckQuery>,
    @CountedAs() counted: string,
  ): Promise<z.infer<typeof CheckView>> {
    await this.limits.updateCheck(counted);
    const check = await this.bus.request(releaseCheck, { channel });
    const { release, updateAvailable } = check;
    if (!release || !updateAvailable) return toCheckView(check, []);
    const { steps } = await this.bus.request(planGet, { version: release.version, channel: check.channel });
    return toCheckView(check, steps);
  }
}
