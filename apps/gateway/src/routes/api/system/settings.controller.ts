import { Bus } from '@lapwing/bus';
import { settingsGet, settingsUpdate, type SystemSettings } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Audits, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';

const Settings = z.object({
  pollingInterval: z.int().describe('seconds between polls of Proxmox'),
  refreshInterval: z.int().describe('seconds between samples of hosts'),
  discoveryEnabled: z.boolean(),
  discoverySubnets: z.array(z.string()),
});
const { pollingInterval, refreshInterval, discoverySubnets } = settingsUpdate.input.shape;
const Changes = z.object({ pollingInterval, refreshInterval, discoverySubnets });
const Updated = z.object({ success: z.literal(true), message: z.string(), settings: Settings });

const toView = (settings: SystemSettings): z.infer<typeof Settings> => ({
  pollingInterval: settings.pollingInterval,
  refreshInterval: settings.refreshInterval,
  discoveryEnabled: settings.discoverySubnets.length > 0,
  discoverySubnets: settings.discoverySubnets,
});

/** Pulse's settings of the system. */
@Controller('api/system/settings')
export class SystemSettingsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('settings:view')
  @Answers('The settings of the system', Settings)
  async get(): Promise<z.infer<typeof Settings>> {
    return toView(await this.bus.request(settingsGet, {}));
  }

  @Post('update')
  @HttpCode(200)
  @Requires('settings:manage')
  @Audits((request: FastifyRequest) => ({
    type: 'settings',
    action: 'settings_changed',
    target: Object.keys(request.body ?? {})
      .join(', ')
      .slice(0, 300),
  }))
  @Answers('Changes what is given; holds at once', Updated)
  async update(@Body({ schema: Changes }) changes: z.infer<typeof Changes>): Promise<z.infer<typeof Updated>> {
    const settings = toView(await this.bus.request(settingsUpdate, changes));
    return { success: true, message: 'the settings hold', settings };
  }
}
