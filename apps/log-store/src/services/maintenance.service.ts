import { seriesMode, type Migrations, type Postgres, type SeriesMode } from '@lapwing/postgres';
import { LapwingError } from '@lapwing/contracts';
import { Heartbeat } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { FLOOD, nextSteps, toIndex, type PartitionLimits } from '../domain/partitions.js';
import type { ChunkStore } from '../store/chunk.store.js';
import type { DeliveryStore } from '../store/delivery.store.js';
import type { PartitionStore } from '../store/partition.store.js';
import type { StreamStore } from '../store/stream.store.js';
import type { TextIndexStore } from '../store/text-index.store.js';
import type { VolumeStore } from '../store/volume.store.js';

const CUT_EVERY_MS = 2000;
const INDEX_EVERY_MS = 5000;
const TIDY_EVERY_MS = 60_000;
/** How long one round may take: a change of partitions waits for searches, and the text index of a large partition takes its time. */
const CUT_SILENCE_MS = 300_000;
const INDEX_SILENCE_MS = 3_600_000;
const TIDY_SILENCE_MS = 900_000;
const OUTBOX_KEPT_MS = 90 * 86_400_000;
/** A flood is over when so many looks in a row were calm. */
const CALM_LOOKS = 15;
/** Partitions that may wait for their text indexes while lines come first. */
const MAX_WAITING = 2;
/** Rounds that may fail in a row before somebody should know: a change of partitions waits for long searches. */
const MAX_FAILURES = 15;

type Round = 'cutting partitions' | 'building text indexes' | 'tidying';

/** The stores that maintenance works with. */
export interface MaintainedStores {
  partitions: PartitionStore;
  chunks: ChunkStore;
  indexes: TextIndexStore;
  deliveries: DeliveryStore;
  streams: StreamStore;
  volume: VolumeStore;
}

/** Cuts partitions, builds text indexes and applies retention, for as long as the service runs. Replicas may do so at the same time. */
export class MaintenanceService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('log-store', 'maintenance');
  readonly #stopping = new AbortController();
  readonly #failures = new Map<string, number>();
  readonly #heartbeats: Record<Round, Heartbeat> = {
    'cutting partitions': new Heartbeat(CUT_SILENCE_MS),
    'building text indexes': new Heartbeat(INDEX_SILENCE_MS),
    tidying: new Heartbeat(TIDY_SILENCE_MS),
  };
  #running: Promise<void>[] = [];
  #mode: SeriesMode | undefined;
  #seen: { name: string; inserted: number; at: number } | undefined;
  #calmLooks = CALM_LOOKS;

  constructor(
    private readonly postgres: Postgres,
    private readonly migrations: Migrations,
    private readonly stores: MaintainedStores,
    private readonly limits: PartitionLimits,
  ) {}

  /** What went wrong again and again; null when nothing did. */
  get fault(): string | null {
    const failing = [...this.#failures].find(([, count]) => count >= MAX_FAILURES);
    if (failing) return `${failing[0]} fails again and again`;
    return this.stores.indexes.hasTrigrams ? null : 'pg_trgm is not there: parts of words are found without an index';
  }

  /** The round that has not ended for so long that it hangs; undefined when none does. */
  get hung(): Heartbeat | undefined {
    return Object.values(this.#heartbeats).find(({ isAlive }) => !isAlive);
  }

  onApplicationBootstrap(): void {
    this.#running = [
      this.#repeat('cutting partitions', CUT_EVERY_MS, () => this.cut()),
      this.#repeat('building text indexes', INDEX_EVERY_MS, () => this.index()),
      this.#repeat('tidying', TIDY_EVERY_MS, () => this.tidy()),
    ];
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }

  async #repeat(what: Round, everyMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#heartbeats[what].beat();
      if (this.migrations.ready) await this.#round(what, work);
      await this.#pause(this.migrations.ready ? everyMs : 200);
    }
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
  }

  async #round(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failures.delete(what);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const failures = (this.#failures.get(what) ?? 0) + 1;
      this.#failures.set(what, failures);
      const passes = error instanceof LapwingError && failures < MAX_FAILURES;
      this.#log[passes ? 'debug' : 'warn'](
        { error: describeError(error), what },
        'a round of maintenance failed, trying again',
      );
    }
  }

  /** Cuts partitions, or trims the hypertable, as the limits want it. */
  async cut(limits = this.limits): Promise<void> {
    if ((await this.#series()) === 'timescale')
      return this.stores.chunks.trim(limits.maxBytes, Date.now() - limits.keepMs);
    const partitions = await this.stores.partitions.list();
    const rate = this.#rate(partitions.at(-1));
    this.#calmLooks = rate < FLOOD / 2 ? this.#calmLooks + 1 : 0;
    for (const step of nextSteps(partitions, limits, rate, Date.now())) {
      await this.stores.partitions.take(step);
      this.#log.info(step, 'partitions were cut');
    }
  }

  /** Lines a second that came into the open partition since the last look. */
  #rate(open: { name: string; inserted: number } | undefined): number {
    const last = this.#seen;
    const now = performance.now();
    this.#seen = open && { name: open.name, inserted: open.inserted, at: now };
    if (!open || !last) return 0;
    // A new partition began after the last look.
    const before = last.name === open.name ? last.inserted : 0;
    return (Math.max(open.inserted - before, 0) * 1000) / Math.max(now - last.at, 1);
  }

  /**
   * Builds the text indexes that are missing; in a flood it rests as long as it works, because lines come first, unless so many partitions wait that
   * searches would suffer.
   */
  async index(): Promise<void> {
    const { indexes, partitions } = this.stores;
    const isPlain = (await this.#series()) === 'plain';
    await indexes.alone(async () => {
      const kinds = await indexes.kinds();
      if (!isPlain) {
        for (const kind of kinds) await indexes.build('entry', kind, false);
        return;
      }
      const isCalm = this.#calmLooks >= CALM_LOOKS;
      const waiting = toIndex(await partitions.list(), isCalm, Date.now());
      for (const [index, { name, missing }] of waiting.entries()) {
        const wanted = missing.filter((kind) => kinds.includes(kind));
        if (wanted.length === 0) continue;
        const began = performance.now();
        for (const kind of wanted) await indexes.build(name, kind, true);
        await indexes.analyze(name);
        const mayRest = waiting.length - index <= MAX_WAITING;
        if (mayRest && this.#calmLooks < CALM_LOOKS) await this.#pause(performance.now() - began);
        if (this.#stopping.signal.aborted) return;
      }
    });
  }

  /** Joins what is known of batches, and forgets what nothing is left of. */
  async tidy(): Promise<void> {
    const { deliveries, streams, volume } = this.stores;
    await volume.tidy();
    await deliveries.tidy(Date.now() - OUTBOX_KEPT_MS);
    await streams.forget(Date.now() - this.limits.keepMs);
  }

  async #series(): Promise<SeriesMode> {
    this.#mode ??= await seriesMode(this.postgres);
    return this.#mode;
  }
}
