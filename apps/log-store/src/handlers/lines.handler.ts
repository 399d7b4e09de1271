import { Bus, OnEvent, OnInquiry, consumerProgress, type Delivery } from '@lapwing/bus';
import { logCollected, logDeliveryGet, type InputOf, type OutputOf, type PayloadOf } from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { IngestService } from '../services/ingest.service.js';
import { DeliveryStore } from '../store/delivery.store.js';

const DURABLE = 'log-store';

/** Hears lines, and answers what became of them. */
@Injectable()
export class LinesHandler {
  constructor(
    private readonly bus: Bus,
    private readonly ingest: IngestService,
    private readonly deliveries: DeliveryStore,
  ) {}

  @OnEvent(logCollected, { durable: DURABLE, concurrency: 3 })
  collected(messages: Delivery<PayloadOf<typeof logCollected>>[]): Promise<void> {
    return this.ingest.store(messages);
  }

  @OnInquiry(logDeliveryGet)
  async delivery(input: InputOf<typeof logDeliveryGet>, agentId: string): Promise<OutputOf<typeof logDeliveryGet>> {
    // The progress first: a batch that is stored between the two looks must not count as handled and missing.
    const progress = await consumerProgress(this.bus, logCollected, DURABLE);
    return { ...progress, stored: await this.deliveries.stored(agentId, input.outbox, input.seqs) };
  }
}
