import { OnRequest } from '@lapwing/bus';
import { queuesGet, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { QueuesService } from '../services/queues.service.js';

/** Answers what waits. */
@Injectable()
export class QueuesHandler {
  constructor(private readonly queues: QueuesService) {}

  @OnRequest(queuesGet)
  get(): Promise<OutputOf<typeof queuesGet>> {
    return this.queues.get();
  }
}
