import { Bus } from '@lapwing/bus';
import { logvolumeGet } from '@lapwing/contracts';
import { Controller, Get, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Requires } from '../../../../http/access.js';
import { Answers } from '../../../../http/answer.js';
import { refuseBrokenText } from '../../../../http/query.js';
import { filterFields, toLogFilter } from '../logs.view.js';
import { Volume, checkVolume, defaultStep, step, toVolume } from './volume.view.js';

const HOUR_MS = 3_600_000;
const VolumeQuery = z.object({ ...filterFields, step: step.optional() });

/** How many lines there were, and when: for a histogram. */
@Controller('api/v1/logs/volume')
export class LogVolumeController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @Requires('logs:view')
  @Answers('How many lines match, by level and stretch of time; of the last hour, where nothing else is said', Volume)
  async get(
    @Query({ schema: VolumeQuery }) query: z.infer<typeof VolumeQuery>,
    @Req() request: FastifyRequest,
  ): Promise<z.infer<typeof Volume>> {
    refuseBrokenText(request);
    const to = query.to ?? Date.now();
    const filter = toLogFilter({ ...query, from: query.from ?? to - HOUR_MS, to });
    const times = { from: filter.from ?? 0, to: filter.to ?? 0 };
    const range = { ...times, step: query.step ?? defaultStep(times.from, times.to) };
    checkVolume(range);
    return toVolume(range, await this.bus.request(logvolumeGet, { filter: { ...filter, ...times }, step: range.step }));
  }
}
