import type { Bus, Delivery } from '@lapwing/bus';
import {
  LapwingError,
  MAX_GAPS_PER_MESSAGE,
  foldRanges,
  hostSampled,
  samplesStored,
  type Gap,
  type HostSample,
  type PayloadOf,
} from '@lapwing/contracts';
import type { Migrations, Postgres } from '@lapwing/postgres';
import { counter } from '@lapwing/telemetry';
import { quarantineReason, type ClockWindow } from '../domain/admission.js';
import { hostValues, partRows, type PartRow } from '../domain/tables.js';
import type { GapRow, LedgerStore, QuarantinedRow } from '../store/ledger.store.js';
import type { IdOf, ResourceKey, ResourceStore } from '../store/resource.store.js';
import type { SampleRows, SampleStore } from '../store/sample.store.js';

type Batch = PayloadOf<typeof hostSampled>;
type Admitted = { agentId: string; outbox: string; sample: HostSample; parts: PartRow[] };

const samplesTotal = counter<'outcome'>({
  name: 'lapwing_samples_total',
  help: 'Samples by what became of them: stored, quarantined (put aside for a wild clock), or lost (their agent had to give them up)',
  labelNames: ['outcome'],
});
for (const outcome of ['stored', 'quarantined', 'lost']) samplesTotal.inc({ outcome }, 0);

/** Stores what collectors send: decides, writes in one transaction, and tells the collectors what is safe. */
export class IngestService {
  constructor(
    private readonly bus: Bus,
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
    private readonly resources: ResourceStore,
    private readonly samples: SampleStore,
    private readonly ledger: LedgerStore,
    private readonly window: () => ClockWindow,
  ) {}

  /** Stores a batch of messages. Throws `UNAVAILABLE` while the database is away: nothing is stored then. */
  async store(deliveries: Delivery<Batch>[]): Promise<void> {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
    const now = Date.now();
    const batches = deliveries.map((delivery) => delivery.payload);
    const { admitted, wild } = this.#admit(batches, now);
    const idOf = await this.resources.ensure(resourceKeys(batches, admitted));
    await this.samples.ensurePartitions(admitted.map(({ sample }) => sample.time));
    await this.samples.retryable(() => this.#write(batches, this.#rows(admitted, idOf), wild, idOf, now));
    this.#tell(batches);
    samplesTotal.inc({ outcome: 'stored' }, admitted.length);
    samplesTotal.inc({ outcome: 'quarantined' }, wild.length);
    samplesTotal.inc({ outcome: 'lost' }, lostIn(batches));
  }

  /** Sorts out what has a wild clock, and what is here twice. */
  #admit(batches: Batch[], now: number) {
    const window = this.window();
    const admitted = new Map<string, Admitted>();
    const wild: (Omit<QuarantinedRow, 'resourceId'> & { agentId: string })[] = [];
    for (const { agentId, outbox, samples } of batches) {
      for (const sample of samples) {
        const reason = quarantineReason(sample.time, now, window);
        if (reason) wild.push({ agentId, outbox, seq: sample.seq, time: sample.time, reason });
        else admitted.set(`${agentId}\n${sample.time}`, { agentId, outbox, sample, parts: partRows(sample) });
      }
    }
    return { admitted: [...admitted.values()], wild };
  }

  async #write(
    batches: Batch[],
    rows: SampleRows,
    wild: (Omit<QuarantinedRow, 'resourceId'> & { agentId: string })[],
    idOf: IdOf,
    now: number,
  ) {
    const hostId = (agentId: string): number => idOf({ kind: 'host', agentId, name: '' });
    const gaps: GapRow[] = batches.flatMap(({ agentId, outbox, gaps: reported }) =>
      (reported ?? []).map((gap) => ({ resourceId: hostId(agentId), outbox, gap })),
    );
    await this.postgres.transaction('samples.store', async (transaction) => {
      await this.samples.insert(transaction, rows, now);
      await this.ledger.quarantine(
        transaction,
        wild.map((row) => ({ ...row, resourceId: hostId(row.agentId) })),
        now,
      );
      await this.ledger.noteGaps(transaction, gaps);
    });
  }

  #rows(admitted: Admitted[], idOf: IdOf): SampleRows {
    const rows: SampleRows = { hosts: [], parts: { disk: [], interface: [], gpu: [] } };
    for (const { agentId, outbox, sample, parts } of admitted) {
      const resourceId = idOf({ kind: 'host', agentId, name: '' });
      rows.hosts.push({ resourceId, outbox, sample, values: hostValues(sample) });
      for (const { kind, name, values } of parts)
        rows.parts[kind].push([idOf({ kind, agentId, name }), sample.time, ...values]);
    }
    return rows;
  }

  #tell(batches: Batch[]): void {
    const byOutbox = new Map<string, { agentId: string; outbox: string; seqs: number[]; gaps: Map<string, Gap> }>();
    for (const { agentId, outbox, samples, gaps: reported = [] } of batches) {
      const key = `${agentId}\n${outbox}`;
      const entry = byOutbox.get(key) ?? { agentId, outbox, seqs: [], gaps: new Map<string, Gap>() };
      for (const { seq } of samples) entry.seqs.push(seq);
      for (const gap of reported) entry.gaps.set(JSON.stringify(gap), gap);
      byOutbox.set(key, entry);
    }
    for (const { agentId, outbox, seqs, gaps } of byOutbox.values())
      this.bus.announce(samplesStored, agentId, {
        agentId,
        outbox,
        ranges: foldRanges(seqs),
        ...(gaps.size > 0 && { gaps: [...gaps.values()].slice(0, MAX_GAPS_PER_MESSAGE) }),
      });
  }
}

/** How many samples agents say they lost; what is delivered twice counts twice here, and once in the ledger. */
function lostIn(batches: Batch[]): number {
  const ranges = batches.flatMap(({ gaps = [] }) => gaps.flatMap(({ lost }) => (lost ? [lost] : [])));
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

function resourceKeys(batches: Batch[], admitted: Admitted[]): ResourceKey[] {
  const hosts = batches.map(({ agentId }): ResourceKey => ({ kind: 'host', agentId, name: '' }));
  const parts = admitted.flatMap(({ agentId, parts: rows }) =>
    rows.map(({ kind, name }): ResourceKey => ({ kind, agentId, name })),
  );
  return [...hosts, ...parts];
}
