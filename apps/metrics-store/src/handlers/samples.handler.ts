import { Bus, OnEvent, OnInquiry, OnRequest, consumerProgress, type Delivery } from '@lapwing/bus';
import {
  deliveryGet,
  hostSampled,
  latestSampleGet,
  type InputOf,
  type OutputOf,
  type PayloadOf,
} from '@lapwing/contracts';
import { Injectable } from '@nestjs/common';
import { IngestService } from '../services/ingest.service.js';
import { LedgerStore } from '../store/ledger.store.js';
import { SampleStore } from '../store/sample.store.js';

const DURABLE = 'metrics-store';

/** Hears samples, and answers what became of them. */
@Injectable()
export class SamplesHandler {
  constructor(
    private readonly bus: Bus,
    private readonly ingest: IngestService,
    private readonly samples: SampleStore,
    private readonly ledger: LedgerStore,
  ) {}

  @OnEvent(hostSampled, { durable: DURABLE, concurrency: 2 })
  sampled(batch: Delivery<PayloadOf<typeof hostSampled>>[]): Promise<void> {
    return this.ingest.store(batch);
  }

  @OnInquiry(deliveryGet)
  async delivery(input: InputOf<typeof deliveryGet>, agentId: string): Promise<OutputOf<typeof deliveryGet>> {
    // The progress first: a sample that is stored between the two looks must not count as handled and missing.
    const progress = await consumerProgress(this.bus, hostSampled, DURABLE);
    const { outbox, seqs, from, to } = input;
    return { ...progress, stored: await this.ledger.storedSeqs(agentId, outbox, seqs, from, to) };
  }

  @OnRequest(latestSampleGet)
  latest({ agentId }: InputOf<typeof latestSampleGet>): Promise<OutputOf<typeof latestSampleGet>> {
    return this.samples.latest(agentId);
  }
}
