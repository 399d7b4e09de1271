import type { Migrations } from '@lapwing/postgres';
import { Heartbeat } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import type { MaintenanceStore } from '../store/maintenance.store.js';
import type { PipelineStore } from '../store/pipeline.store.js';
import type { MetricsStoreConfig } from '../config.js';

const EVERY_MS = 30_000;
const TIDY_EVERY_MS = 3_600_000;
/** After a long outage there is much to roll up at once. */
const SILENCE_MS = 900_000;
const DAY_MS = 86_400_000;
/** What is measured of the pipeline comes within this time; what comes later is summed up when it is tidied. */
const SUMMED_MS = 3 * 3_600_000;

/** Rolls up, makes partitions and applies retention, for as long as the service runs. */
export class MaintenanceService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('metrics-store', 'maintenance');
  readonly #stopping = new AbortController();
  /** Of the rounds. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);
  #running: Promise<void> | undefined;
  #tidiedAt = 0;
  #fault: string | null = null;

  constructor(
    private readonly migrations: Migrations,
    private readonly store: MaintenanceStore,
    private readonly pipeline: PipelineStore,
    private readonly config: MetricsStoreConfig,
  ) {}

  /** What went wrong at the last round; null when nothing did. */
  get fault(): string | null {
    return this.#fault;
  }

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.heartbeat.beat();
      if (this.migrations.ready) await this.#round();
      await pause(this.migrations.ready ? EVERY_MS : 500, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #round(): Promise<void> {
    try {
      await this.store.refreshRollups();
      await this.pipeline.sumUp(new Date(Date.now() - SUMMED_MS));
      if (Date.now() - this.#tidiedAt > TIDY_EVERY_MS) {
        const { METRICS_STORE_RAW_DAYS: raw, METRICS_STORE_1M_DAYS: m1 } = this.config;
        const { METRICS_STORE_5M_DAYS: m5, METRICS_STORE_1H_DAYS: h1 } = this.config;
        await this.store.setRetention({ raw, '1m': m1, '5m': m5, '1h': h1 });
        await this.store.tidy();
        await this.pipeline.tidy(raw);
        await this.pipeline.sumUp(new Date(Date.now() - raw * DAY_MS));
        this.#tidiedAt = Date.now();
      }
      this.#fault = null;
    } catch (error) {
      this.#fault = 'the last round failed';
      this.#log.warn({ error: describeError(error) }, 'maintenance failed, trying again');
    }
  }
}
