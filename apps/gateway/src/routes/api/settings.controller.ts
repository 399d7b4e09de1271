import { Bus } from '@lapwing/bus';
import { UserSettingChanges, UserSettings, usersettingsGet, usersettingsUpdate } from '@lapwing/contracts';
import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Requires, Unaudited } from '../../http/access.js';
import { Answers } from '../../http/answer.js';
import { counted } from '../../http/caller.js';

/** How each user wants to see things. */
@Controller('api/settings')
export class UserSettingsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('self')
  @Answers('The own settings of whoever asks; what was never chosen is as the system has it', UserSettings)
  get(@Req() request: FastifyRequest): Promise<UserSettings> {
    return this.bus.request(usersettingsGet, { owner: ownerOf(request) });
  }

  @Post('update')
  @HttpCode(200)
  @Requires('self')
  @Unaudited()
  @Answers('Changes what is given; null takes a choice back', UserSettings)
  update(
    @Body({ schema: UserSettingChanges }) changes: UserSettingChanges,
    @Req() request: FastifyRequest,
  ): Promise<UserSettings> {
    return this.bus.request(usersettingsUpdate, { owner: ownerOf(request), changes });
  }
}

/** All sessions of a user share his settings; whoever has no credential shares those of all such. */
const ownerOf = ({ caller }: FastifyRequest): string => counted(caller) ?? 'anonymous';
