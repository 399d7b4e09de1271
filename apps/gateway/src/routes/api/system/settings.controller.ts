import { Bus } from '@lapwing/bus';
import { settingsGet, settingsUpdate, type Actor } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Put, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { AuditedByService, Requires } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { By } from '../../../http/caller.js';
import { IfRevision, tag } from '../../../http/revision.js';
import {
  SystemSettingsChanged,
  SystemSettingsChanges,
  SystemSettingsView,
  toSystemSettingsView,
} from './settings.view.js';

const SUMMARY = 'Changes what is given; holds at once. With If-Match: only if nobody else has changed them since';

/** Pulse's settings of the system, under both of their addresses. */
@Controller('api')
export class SystemSettingsController {
  constructor(private readonly bus: Bus) {}

  @Get('system/settings')
  @Requires('settings:view')
  @Answers('The settings of the system', SystemSettingsView)
  get(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.#get(reply);
  }

  @Get('config/system')
  @Requires('settings:view')
  @Answers('The settings of the system', SystemSettingsView)
  getConfig(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.#get(reply);
  }

  @Post('system/settings/update')
  @HttpCode(200)
  @Requires('settings:manage')
  @AuditedByService()
  @Answers(SUMMARY, SystemSettingsChanged)
  post(
    @Body({ schema: SystemSettingsChanges }) changes: SystemSettingsChanges,
    @By() actor: Actor,
    @IfRevision() revision: number | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.#change(changes, { actor, revision, reply });
  }

  @Put('config/system')
  @Requires('settings:manage')
  @AuditedByService()
  @Answers(SUMMARY, SystemSettingsChanged)
  put(
    @Body({ schema: SystemSettingsChanges }) changes: SystemSettingsChanges,
    @By() actor: Actor,
    @IfRevision() revision: number | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.#change(changes, { actor, revision, reply });
  }

  async #get(reply: FastifyReply): Promise<SystemSettingsView> {
    const settings = await this.bus.request(settingsGet, {});
    tag(reply, settings.revision);
    return toSystemSettingsView(settings);
  }

  async #change(
    changes: SystemSettingsChanges,
    { actor, revision, reply }: { actor: Actor; revision: number | undefined; reply: FastifyReply },
  ): Promise<z.infer<typeof SystemSettingsChanged>> {
    const question = { ...changes, actor, ...(revision !== undefined && { ifRevision: revision }) };
    const settings = await this.bus.request(settingsUpdate, question);
    tag(reply, settings.revision);
    return { success: true, message: 'the settings hold', settings: toSystemSettingsView(settings) };
  }
}
