import { Leases, Shares, type Bus, type Worker } from '@lapwing/bus';
import { alertingChanged, deliveryDue } from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import { Heartbeat, type FollowedSettings } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeliveryStore } from '../store/delivery.store.js';
import type { IncidentStore } from '../store/incident.store.js';
import type { NoticeStore } from '../store/notice.store.js';
import type { TidyStore } from '../store/tidy.store.js';
import type { ConfigService } from './config.service.js';
import type { EscalationService } from './escalation.service.js';
import type { PipelineService } from './pipeline.service.js';
import type { RoutingService } from './routing.service.js';
import type { TellingService } from './telling.service.js';

const LEASE = 'telling.clock';
const LONGEST_MS = 500;
const SLOW_MS = 5000;
const TIDY_MS = 3_600_000;
/** A job that the queue has lost, or whose worker has died without a word, is handed over again after this. */
const LOST_MS = 120_000;
const MOST_QUEUED = 500;
const QUEUED_AT_ONCE = 16;
/** A turn tidies up now and then, which may take a while. */
const SILENCE_MS = 60_000;

/** What the clock keeps going. */
export interface ClockParts {
  bus: Bus;
  schema: Schema;
  leases: Leases;
  config: ConfigService;
  routing: RoutingService;
  telling: TellingService;
  escalation: EscalationService;
  notices: NoticeStore;
  deliveries: DeliveryStore;
  incidents: IncidentStore;
  tidy: TidyStore;
  pipeline: PipelineService;
  settings: FollowedSettings;
}

/** Keeps alerts going on their way to people: one process at a time, whoever holds the lease. */
export class ClockService implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown, Worker {
  readonly #log = createLogger('alerting', 'clock');
  readonly #shares: Shares;
  /** Of the turns, while this process is the one. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #isAwake = false;
  #slowAt = 0;
  #tidyAt = 0;
  #fault: string | null = null;

  constructor(private readonly parts: ClockParts) {
    this.#shares = new Shares('alerting', parts.leases, [LEASE], this);
    this.heartbeat.rest();
  }

  onApplicationBootstrap(): void {
    const { bus } = this.parts;
    bus.listen(alertingChanged, '*', ({ what }) => {
      if (what === 'silences' || what === 'maintenance') this.#reconsider();
      this.#wakeUp();
    });
    this.parts.config.onChange(() => this.#reconsider());
    this.#shares.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#shares.stop();
  }

  /** The leases are shared with whoever judges: they are given back when all have stopped. */
  async onApplicationShutdown(): Promise<void> {
    await this.parts.leases.stop();
  }

  /** What went wrong at the last turn; null when nothing did. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Whether the lease can be had: else nobody routes anything. */
  get canClaim(): boolean {
    return this.parts.leases.areThere;
  }

  /** Whether this process is the one. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  async take(): Promise<void> {
    await this.parts.config.load();
    this.#stop = new AbortController();
    this.#running = this.#run(this.#stop.signal);
  }

  async drop(): Promise<void> {
    this.#stop.abort();
    this.#wakeUp();
    await this.#running;
    this.#running = undefined;
    this.heartbeat.rest();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#isAwake = false;
      this.heartbeat.beat();
      try {
        if (this.parts.schema.ready) await this.#turn();
        this.#fault = null;
      } catch (error) {
        this.#fault = 'alerts could not be routed';
        this.#log.warn({ error: describeError(error) }, 'alerts could not be routed, trying again');
        await pause(LONGEST_MS, undefined, { signal }).catch(() => {});
      }
      if (!this.#isAwake && !signal.aborted) await this.#sleep(signal);
    }
  }

  /** Until something happens, at most half a second. */
  async #sleep(signal: AbortSignal): Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    signal.addEventListener('abort', this.#wake, { once: true });
    await pause(LONGEST_MS, undefined, { signal: waking.signal }).catch(() => {});
    signal.removeEventListener('abort', this.#wake);
  }

  #wakeUp(): void {
    this.#isAwake = true;
    this.#wake?.();
  }

  #reconsider(): void {
    if (!this.#running || !this.parts.schema.ready) return;
    this.parts.notices
      .reconsider(Date.now())
      .then(() => this.#wakeUp())
      .catch((error: unknown) =>
        this.#log.debug({ error: describeError(error) }, 'what is held is looked at when it is due'),
      );
  }

  async #turn(): Promise<void> {
    const { routing, telling, incidents, settings } = this.parts;
    const { batchWindowSeconds, batchIdleTimeoutSeconds } = settings.current;
    // What begins now must not join what was complete before.
    await incidents.close(Date.now(), batchWindowSeconds, batchIdleTimeoutSeconds);
    await routing.route();
    const now = Date.now();
    if (now - this.#slowAt >= SLOW_MS) await this.#slow(now);
    await telling.tell(now);
    await this.#queue(Date.now());
  }

  async #slow(now: number): Promise<void> {
    this.#slowAt = now;
    const { escalation, tidy, settings } = this.parts;
    await escalation.escalate(now);
    if (now - this.#tidyAt < TIDY_MS) return;
    this.#tidyAt = now;
    await tidy.tidy(now, settings.current.retentionDays);
  }

  /** Hands messages to the queue: those that are new, and those that are to be tried again. */
  async #queue(now: number): Promise<void> {
    const due = await this.parts.deliveries.toQueue(now, LOST_MS, MOST_QUEUED);
    for (let at = 0; at < due.length; at += QUEUED_AT_ONCE)
      await Promise.all(due.slice(at, at + QUEUED_AT_ONCE).map((delivery) => this.#queueOne(delivery, now)));
  }

  async #queueOne({ id, attempts, nextAt }: { id: string; attempts: number; nextAt: number | null }, now: number) {
    const attempt = attempts + 1;
    // The same once more is kept once; what is to be tried again, or was lost, is not the same.
    const name = `${id}-${attempt}-${nextAt ?? Math.floor(now / LOST_MS)}`;
    await this.parts.bus.publish(deliveryDue, id, { deliveryId: id, attempt }, name);
    this.parts.pipeline.handedOver(id);
    await this.parts.deliveries.queued(id, attempt, nextAt, now);
  }
}
