import type { Bus } from '@lapwing/bus';
import { MAX_COLLECT_MS, defaultSystemSettings, type HostPart } from '@lapwing/contracts';
import { createLogger, describeError, histogram } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { HostSource } from '../sources/host/host.source.js';
import { Outbox, type Entry, type SampleBody } from '../store/outbox.js';
import { DeliveryService } from './delivery.service.js';
import { sampleFreight } from './freight.js';

const readSeconds = histogram({ name: 'lapwing_collector_read_seconds', help: 'How long it took to read the host' });

/** What the sampler is told. */
export interface SamplerOptions {
  agentId: string;
  folder: string;
  maxBytes: number;
  bootId: string;
  /** Seconds between samples when the environment fixes them; undefined lets the fleet's settings count. */
  fixedInterval: number | undefined;
}

/** Takes a sample at every tick, writes it down and sends it. Ticks lie on whole multiples of the interval. */
export class SamplerService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('collector', 'sampler');
  #interval: number;
  #timer: NodeJS.Timeout | undefined;
  #sampling: Promise<void> = Promise.resolve();
  #stopping = false;
  #outbox: Outbox | undefined;
  #delivery: DeliveryService<SampleBody> | undefined;
  #lastSampleAt = Number.NEGATIVE_INFINITY;
  #taken = 0;
  /** The first sample of this run. */
  #first: Entry | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly source: HostSource,
    private readonly options: SamplerOptions,
  ) {
    this.#interval = options.fixedInterval ?? defaultSystemSettings.refreshInterval;
  }

  /** Seconds between samples. */
  get interval(): number {
    return this.#interval;
  }

  /** Whether samples are being taken in time. */
  get healthy(): boolean {
    return performance.now() - this.#lastSampleAt < (2 * this.#interval + 5) * 1000;
  }

  /** Samples that were taken since the process was started. */
  get taken(): number {
    return this.#taken;
  }

  /** Samples that the outbox gave up since then, because it was full. */
  get lost(): number {
    return this.#outbox?.givenUp ?? 0;
  }

  /** Samples that wait in the outbox: taken, and not yet stored. */
  get waiting(): number {
    return this.#outbox?.size ?? 0;
  }

  /** Whether the server has stored a sample that was taken since the process was started. */
  get hasStored(): boolean {
    return this.#first !== undefined && this.#outbox?.holds(this.#first) === false;
  }

  /** The parts of the host that are read. */
  get sources(): HostPart[] {
    return this.source.enabled;
  }

  /** What sends the samples, once the outbox is open. */
  get delivery(): DeliveryService<SampleBody> | undefined {
    return this.#delivery;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { agentId, folder, maxBytes, bootId } = this.options;
    this.#outbox = await Outbox.open({ folder, maxBytes, bootId, now: Date.now() });
    this.#delivery = new DeliveryService(this.bus, agentId, this.#outbox, sampleFreight);
    this.#delivery.start();
    await this.source.read(); // rates need a first reading to compare with
    this.#plan();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#sampling;
    await this.#delivery?.stop();
    await this.#outbox?.close();
  }

  /** Takes a sample at once, beside those that are due. */
  takeNow(): void {
    if (!this.#stopping) this.#sampling = this.#sampling.then(() => this.#sample());
  }

  /** Sets the seconds between samples, unless the environment fixes them. */
  setInterval(seconds: number): void {
    if (this.options.fixedInterval !== undefined || seconds === this.#interval) return;
    this.#interval = seconds;
    this.#plan();
  }

  /** Chooses which parts of the host are read from the next sample on. */
  setSources(parts: readonly HostPart[]): void {
    this.source.enable(parts);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#stopping) return;
    const every = this.#interval * 1000;
    this.#timer = setTimeout(
      () => {
        this.#sampling = this.#sampling.then(() => this.#sample()).finally(() => this.#plan());
      },
      every - (Date.now() % every),
    );
  }

  async #sample(): Promise<void> {
    const time = Date.now();
    try {
      const stop = readSeconds.startTimer();
      const figures = await this.source.read();
      const collectMs = Math.min(Math.round(stop() * 10_000) / 10, MAX_COLLECT_MS);
      if (!this.#outbox || !this.#delivery) return;
      const { record, entry } = await this.#outbox.append({ ...figures, collectMs }, time);
      this.#lastSampleAt = performance.now();
      this.#taken++;
      this.#first ??= entry;
      void this.#delivery.sendLive(record, entry);
    } catch (error) {
      this.#log.error({ error: describeError(error) }, 'a sample could not be taken');
    }
  }
}
