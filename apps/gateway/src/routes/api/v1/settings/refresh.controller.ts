import { Bus } from '@lapwing/bus';
import { RefreshInterval, settingsUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { AuditedByService, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { By } from '../../../../http/caller.js';

const RefreshBody = z.object({ interval: RefreshInterval });

/** Tyto's refresh interval: how often every host is sampled, in seconds. */
@Controller('api/v1/settings/refresh')
export class RefreshController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('settings:manage')
  @AuditedByService()
  @Answers('Sets how often hosts are sampled, in seconds', RefreshBody)
  async set(@Body({ schema: RefreshBody }) { interval }: z.infer<typeof RefreshBody>, @By() actor: Actor) {
    const { refreshInterval } = await this.bus.request(settingsUpdate, { refreshInterval: interval, actor });
    return { interval: refreshInterval };
  }
}
