import { OnRequest } from '@lapwing/bus';
import {
  attemptGet,
  attemptList,
  attemptStart,
  planGet,
  releaseCheck,
  type InputOf,
  type OutputOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { AttemptsService } from '../services/attempts.service.js';
import { FeedService } from '../services/feed.service.js';

/** Answers what is asked about releases and attempts. */
@Injectable()
export class UpdatesHandler {
  constructor(
    private readonly feed: FeedService,
    private readonly attempts: AttemptsService,
  ) {}

  @OnRequest(releaseCheck)
  check({ channel, force }: InputOf<typeof releaseCheck>): Promise<OutputOf<typeof releaseCheck>> {
    return this.feed.check(channel, force);
  }

  @OnRequest(planGet)
  plan({ version, channel }: InputOf<typeof planGet>): Promise<OutputOf<typeof planGet>> {
    return this.feed.plan(version, channel);
  }

  @OnRequest(attemptStart)
  start(input: InputOf<typeof attemptStart>): Promise<OutputOf<typeof attemptStart>> {
    return this.attempts.start(input);
  }

  @OnRequest(attemptList)
  async list({ limit, status, actions }: InputOf<typeof attemptList>): Promise<OutputOf<typeof attemptList>> {
    return { attempts: await this.attempts.list(limit, status, actions) };
  }

  @OnRequest(attemptGet)
  get({ id }: InputOf<typeof attemptGet>): Promise<OutputOf<typeof attemptGet>> {
    return this.attempts.get(id);
  }
}
