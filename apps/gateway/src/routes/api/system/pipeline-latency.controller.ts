import { Bus } from '@lapwing/bus';
import { MAX_PIPELINE_MINUTES, pipelineGet } from '@lapwing/contracts';
import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { OpenRead } from '../../../http/access.js';
import { Answers } from '../../../http/answer.js';
import { whole } from '../../../http/query.js';
import { PipelineLatency, toPipelineLatency } from './pipeline-latency.view.js';

const LatencyQuery = z.object({ window_minutes: whole(1, MAX_PIPELINE_MINUTES).default(60) });

/** What lies between the stages of the pipeline. */
@Controller('api/system/pipeline-latency')
export class PipelineLatencyController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @OpenRead('dashboard:view')
  @Answers('What lay between the stages of the pipeline, and from end to end', PipelineLatency)
  async get(@Query({ schema: LatencyQuery }) { window_minutes: windowMinutes }: z.infer<typeof LatencyQuery>) {
    return toPipelineLatency(await this.bus.request(pipelineGet, { windowMinutes }), windowMinutes, Date.now());
  }
}
