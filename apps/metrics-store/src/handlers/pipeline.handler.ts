import { OnEvent, OnRequest, type Delivery } from '@lapwing/bus';
import { pipelineGet, pipelineSampled, type InputOf, type OutputOf, type PayloadOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { PipelineService } from '../services/pipeline.service.js';

/** Hears what was measured of the pipeline, and answers what it looks like. */
@Injectable()
export class PipelineHandler {
  constructor(private readonly pipeline: PipelineService) {}

  @OnEvent(pipelineSampled, { durable: 'metrics-store-pipeline', maxBatch: 50 })
  sampled(batch: Delivery<PayloadOf<typeof pipelineSampled>>[]): Promise<void> {
    return this.pipeline.store(batch);
  }

  @OnRequest(pipelineGet)
  get({ windowMinutes }: InputOf<typeof pipelineGet>): Promise<OutputOf<typeof pipelineGet>> {
    return this.pipeline.get(windowMinutes);
  }
}
