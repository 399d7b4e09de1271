import { Bus } from '@lapwing/bus';
import { releaseCheck } from '@lapwing/contracts';
import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Requires, Unaudited } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { CountedAs } from '../../../../http/caller.js';
import { flag } from '../../../../http/query.js';
import { LimitsService } from '../../../../services/limits.service.js';
import { SystemUpdateView, toSystemUpdateView } from './updates.view.js';

const CheckQuery = z.object({ force: flag.default(false) });

/** Supascale's check for updates. */
@Controller('api/v1/system/updates')
export class SystemUpdatesController {
  constructor(
    private readonly bus: Bus,
    private readonly limits: LimitsService,
  ) {}

  @Get()
  @Requires('system:read')
  @Answers(
    'Whether there is a newer release; what was found in the last six hours, unless force is set',
    SystemUpdateView,
  )
  get(
    @Query({ schema: CheckQuery }) { force }: z.infer<typeof CheckQuery>,
    @CountedAs() counted: string,
  ): Promise<z.infer<typeof SystemUpdateView>> {
    return this.#check(force, counted);
  }

  @Post()
  @HttpCode(200)
  @Requires('system:read')
  @Unaudited()
  @Answers('Looks for a newer release now', SystemUpdateView)
  post(@CountedAs() counted: string): Promise<z.infer<typeof SystemUpdateView>> {
    return this.#check(true, counted);
  }

  async #check(force: boolean, counted: string): Promise<z.infer<typeof SystemUpdateView>> {
    if (force) await this.limits.updateCheck(counted);
    return toSystemUpdateView(await this.bus.request(releaseCheck, { force }));
  }
}
