import { OnEvent, OnRequest, type Delivery } from '@lapwing/bus';
import {
  LapwingError,
  chartsGet,
  targetSampled,
  type InputOf,
  type OutputOf,
  type PayloadOf,
} from '@lapwing/contracts';
import { FollowedSettings } from '@lapwing/service';
import { Injectable } from '@nestjs/common';
import { pointsOf } from '../domain/history.js';
import { PolledService } from '../services/polled.service.js';
import { PolledStore } from '../store/polled.store.js';

const MAX_STEPS = 500;

/** Hears what pollers read, and answers what was. */
@Injectable()
export class PolledHandler {
  constructor(
    private readonly polled: PolledService,
    private readonly store: PolledStore,
    private readonly settings: FollowedSettings,
  ) {}

  @OnEvent(targetSampled, { durable: 'metrics-store-polled', maxBatch: 50 })
  sampled(batch: Delivery<PayloadOf<typeof targetSampled>>[]): Promise<void> {
    return this.polled.store(batch);
  }

  @OnRequest(chartsGet)
  async charts(question: InputOf<typeof chartsGet>): Promise<OutputOf<typeof chartsGet>> {
    const { from, to, step } = question;
    if (from >= to) throw new LapwingError('INVALID_INPUT', '"from" must be before "to"');
    if (pointsOf(from, to, step) > MAX_STEPS) throw new LapwingError('INVALID_INPUT', `at most ${MAX_STEPS} steps`);
    const kept = Math.max(from, this.settings.keptSince(Date.now()));
    return { series: await this.store.charts({ ...question, from: kept }) };
  }
}
