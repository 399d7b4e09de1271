import { Bus } from '@lapwing/bus';
import { settingsGet, settingsUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, Patch, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ApiKeyWrite, AuditedByService, OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { IfRevision, tag } from '../../../http/revision.js';
import { ConfigChanges, ConfigView, toConfigView, toSettingChanges } from './config.view.js';

/** The home-security API's configuration: four of the settings of the system. */
@Controller('api/system/config')
export class SystemConfigController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @OpenRead('dashboard:view')
  @Answers('The configuration, without anything secret', ConfigView)
  async get(@Res({ passthrough: true }) reply: FastifyReply): Promise<ConfigView> {
    const settings = await this.bus.request(settingsGet, {});
    tag(reply, settings.revision);
    return toConfigView(settings);
  }

  @Patch()
  @ApiKeyWrite('settings:manage')
  @AuditedByService()
  @Answers('Changes what is given; holds on every replica within 2 s', ConfigView)
  async patch(
    @Body({ schema: ConfigChanges }) changes: ConfigChanges,
    @By() actor: Actor,
    @IfRevision() ifRevision: number | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConfigView> {
    const question = { ...toSettingChanges(changes), actor, ...(ifRevision !== undefined && { ifRevision }) };
    const settings = await this.bus.request(settingsUpdate, question);
    tag(reply, settings.revision);
    return toConfigView(settings);
  }
}
