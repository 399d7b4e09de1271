import { Bus } from '@lapwing/bus';
import { RefreshInterval, settingsUpdate } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Audits, Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';

const RefreshBody = z.object({ interval: RefreshInterval });

/** Tyto's refresh interval: how often every host is sampled, in seconds. */
@Controller('api/v1/settings/refresh')
export class RefreshController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('settings:manage')
  @Audits(({ body }) => ({
    type: 'settings',
    action: 'settings_changed',
    target: 'refresh_interval',
    details: { interval: Number((body as { interval: unknown }).interval) },
  }))
  @Answers('Sets how often hosts are sampled, in seconds', RefreshBody)
  async set(@Body({ schema: RefreshBody }) { interval }: z.infer<typeof RefreshBody>) {
    const { refreshInterval } = await this.bus.request(settingsUpdate, { refreshInterval: interval });
    return { interval: refreshInterval };
  }
}
