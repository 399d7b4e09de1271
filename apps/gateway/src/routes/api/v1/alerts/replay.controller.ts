import { Bus } from '@lapwing/bus';
import { LapwingError, alertConfigGet, alertReplay } from '@lapwing/contracts';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { Requires, Unaudited } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { toPatch } from '../../alerts/config.view.js';
import { Replay, ReplayBody, toReplay } from './replay.view.js';

/** Tries rules on what has been measured, before they hold. */
@Controller('api/v1/alerts/replay')
export class AlertReplayController {
  constructor(private readonly bus: Bus) {}

  @Post()
  @HttpCode(200)
  @Requires('alerts:configure')
  @Unaudited()
  @Answers('What would have been told with other rules; nothing is told, and nothing changes', Replay)
  async replay(@Body({ schema: ReplayBody }) body: z.infer<typeof ReplayBody>): Promise<z.infer<typeof Replay>> {
    const { config, resource_ids: resourceIds, ...question } = body;
    if (question.from >= question.to) throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
    const patch = toPatch(config, await this.bus.request(alertConfigGet, {}));
    return toReplay(await this.bus.request(alertReplay, { ...question, patch, resourceIds }));
  }
}
