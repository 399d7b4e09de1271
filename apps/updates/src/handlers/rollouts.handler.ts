import { OnRequest } from '@lapwing/bus';
import { rolloutGet, rolloutStart, rolloutStop, type InputOf, type OutputOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { RolloutService } from '../services/rollout.service.js';

/** Answers questions about roll-outs of the agent, begins and stops them. */
@Injectable()
export class RolloutsHandler {
  constructor(private readonly rollouts: RolloutService) {}

  @OnRequest(rolloutGet)
  get(): Promise<OutputOf<typeof rolloutGet>> {
    return this.rollouts.get();
  }

  @OnRequest(rolloutStart)
  start({ actor }: InputOf<typeof rolloutStart>): Promise<OutputOf<typeof rolloutStart>> {
    return this.rollouts.start(actor);
  }

  @OnRequest(rolloutStop)
  stop({ actor }: InputOf<typeof rolloutStop>): Promise<OutputOf<typeof rolloutStop>> {
    return this.rollouts.stop(actor);
  }
}
