import type { Delivery } from '@lapwing/bus';
import { LapwingError, targetSampled, type PayloadOf, type PolledKind } from '@lapwing/contracts';
import type { Migrations, Postgres } from '@lapwing/postgres';
import { counter } from '@lapwing/telemetry';
import { quarantineReason, type ClockWindow } from '../domain/admission.js';
import { polledTables, polledValues } from '../domain/polled.js';
import { storableName } from '../domain/tables.js';
import type { PolledStore } from '../store/polled.store.js';
import type { ResourceKey, ResourceStore } from '../store/resource.store.js';
import type { SampleStore } from '../store/sample.store.js';

type Batch = PayloadOf<typeof targetSampled>;

const polledTotal = counter<'outcome'>({
  name: 'lapwing_polled_samples_total',
  help: 'Samples of polled resources by what became of them: stored or refused for a wild clock',
  labelNames: ['outcome'],
});
for (const outcome of ['stored', 'refused']) polledTotal.inc({ outcome }, 0);

/** Stores what pollers read. */
export class PolledService {
  constructor(
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
    private readonly resources: ResourceStore,
    private readonly samples: SampleStore,
    private readonly polled: PolledStore,
    private readonly window: () => ClockWindow,
  ) {}

  /** Stores a batch of messages. Throws `UNAVAILABLE` while the database is away: nothing is stored then. */
  async store(deliveries: Delivery<Batch>[]): Promise<void> {
    if (!this.migrations.ready) throw new LapwingError('UNAVAILABLE', 'the database is not ready yet');
    const now = Date.now();
    const window = this.window();
    const batches = deliveries
      .map(({ payload }) => payload)
      .filter(({ time, rows }) => {
        const isSane = !quarantineReason(time, now, window);
        polledTotal.inc({ outcome: isSane ? 'stored' : 'refused' }, rows.length);
        return isSane;
      });
    const keyOf = ({ kind, targetId }: Batch, name: string): ResourceKey => ({
      kind,
      agentId: targetId,
      name: storableName(name),
    });
    const idOf = await this.resources.ensure(
      batches.flatMap((batch) => batch.rows.map(({ name }) => keyOf(batch, name))),
    );
    await this.samples.ensurePartitions(
      batches.map(({ time }) => time),
      Object.values(polledTables),
    );
    const rows: Record<PolledKind, (number | null)[][]> = { node: [], guest: [], storage: [] };
    for (const batch of batches)
      for (const row of batch.rows)
        rows[batch.kind].push([idOf(keyOf(batch, row.name)), batch.time, ...polledValues(batch.kind, row)]);
    await this.samples.retryable(() =>
      this.postgres.transaction('polled.store', (transaction) => this.polled.insert(transaction, rows, now)),
    );
  }
}
