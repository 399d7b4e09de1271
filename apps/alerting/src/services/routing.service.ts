import { alertChanged, isAway, type AlertConfig } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { Bus } from '@lapwing/bus';
import type { Schema, Transaction } from '@lapwing/postgres';
import { groupKey } from '../domain/quiet/grouping.js';
import { noteChange, steady, isFlapping } from '../domain/quiet/flapping.js';
import { nothingTold } from '../domain/quiet/rate.js';
import { signalInfo } from '../domain/signals.js';
import { alertOf } from '../store/alert-row.js';
import type { AlertMemory, ChangeRow, ChangeStore } from '../store/change.store.js';
import type { DeliveryStore } from '../store/delivery.store.js';
import type { IncidentStore } from '../store/incident.store.js';
import type { Notice, NoticeStore } from '../store/notice.store.js';
import type { ConfigService } from './config.service.js';
import type { PipelineService } from './pipeline.service.js';

const BATCH = 1000;
const PUBLISHED_AT_ONCE = 25;
/** What is away may be so because what it stands on is: the news of that may come a little later. */
const SETTLE_MS = 15_000;

/** What routing needs. */
export interface RoutingParts {
  bus: Bus;
  schema: Schema;
  config: ConfigService;
  changes: ChangeStore;
  notices: NoticeStore;
  deliveries: DeliveryStore;
  incidents: IncidentStore;
  pipeline: PipelineService;
}

/** What was put into incidents at once: when that was done, and when each of it was judged. */
interface Batched {
  at: number;
  tookMs: number;
  detectedAt: (number | null)[];
}

/** Takes what happened to alerts, tells the bus of it, and makes notices of what people are to be told. One process does this at a time. */
export class RoutingService {
  readonly #log = createLogger('alerting', 'routing');

  constructor(private readonly parts: RoutingParts) {}

  /** Routes all that is to be routed. */
  async route(): Promise<void> {
    for (let count = BATCH; count === BATCH;) {
      const changes = await this.parts.changes.unrouted(BATCH);
      count = changes.length;
      if (count === 0) break;
      const beganAt = performance.now();
      const batched = await this.parts.schema.transaction('changes.route', async (transaction) => {
        const publishing = this.#publish(changes);
        publishing.catch(() => {});
        const done = await this.#take(transaction, changes, beganAt);
        await publishing;
        return done;
      });
      this.parts.pipeline.batched(batched.tookMs, batched.at, batched.detectedAt);
    }
  }

  /** Told before it is noted for good as told: a process that dies in between tells it again, and the stream keeps it once. */
  async #publish(changes: readonly ChangeRow[]): Promise<void> {
    const { bus } = this.parts;
    for (let at = 0; at < changes.length; at += PUBLISHED_AT_ONCE)
      await Promise.all(
        changes
          .slice(at, at + PUBLISHED_AT_ONCE)
          .map(({ changeId, kind, at: time, watchedAt: _w, detectedAt: _d, ...row }) => {
            const alert = alertOf(row);
            const payload = { change: kind, alert, time: Math.round(time) };
            return bus.publish(alertChanged, alert.id, payload, `change-${changeId}`).catch((error: unknown) => {
              // What the bus would never take must not keep everything else from being told.
              if (isAway(error)) throw error;
              this.#log.error({ error: describeError(error), alert: alert.id }, 'a change could not be said');
            });
          }),
      );
  }

  /** Should two processes be at it at once, each change is one's alone. */
  async #take(transaction: Transaction, changes: readonly ChangeRow[], beganAt: number): Promise<Batched> {
    const own = new Set(
      await this.parts.changes.take(
        transaction,
        changes.map(({ changeId }) => changeId),
      ),
    );
    const taken = changes.filter(({ changeId }) => own.has(changeId));
    const fired = taken.filter(({ kind }) => kind === 'fired');
    const now = Date.now();
    await this.parts.incidents.join(
      transaction,
      fired.map(({ occurrence, resource, score }) => ({ occurrence, instance: resource.instance, score, at: now })),
    );
    const batched = { at: Date.now(), tookMs: performance.now() - beganAt };
    if (taken.length > 0) await this.#route(transaction, taken, batched.at);
    return { ...batched, detectedAt: fired.map(({ detectedAt }) => detectedAt) };
  }

  async #route(transaction: Transaction, changes: readonly ChangeRow[], now: number): Promise<void> {
    const { notices, incidents } = this.parts;
    const config = this.parts.config.current;
    const of = (...kinds: ChangeRow['kind'][]) => changes.filter(({ kind }) => kinds.includes(kind));
    const fired = of('fired');
    await this.#noteFlaps(transaction, of('fired', 'resolved'), config);
    const worse = of('level').filter(({ level }) => level === 'critical');
    await incidents.grow(
      transaction,
      worse.map(({ occurrence }) => occurrence),
    );
    // Whoever takes an acknowledgement back before anybody was told wants it to be told.
    const again = of('unacknowledged').filter(({ lastNotifiedAt }) => lastNotifiedAt === null);
    const tellable = [...fired, ...worse, ...again].filter(
      ({ resolvedAt, acknowledgedAt }) => !resolvedAt && !acknowledgedAt,
    );
    await notices.add(
      transaction,
      tellable.map((change) => firing(change, config, now)),
    );
    await this.#over(transaction, of('resolved', 'cleared'), now);
    await notices.forgetKnown(
      transaction,
      of('acknowledged').map(({ occurrence }) => occurrence),
    );
  }

  async #noteFlaps(transaction: Transaction, changes: readonly ChangeRow[], config: AlertConfig): Promise<void> {
    if (changes.length === 0) return;
    const known = await this.parts.changes.memories(
      transaction,
      changes.map(({ id }) => id),
    );
    const memories = new Map<string, AlertMemory>();
    const flapping: number[] = [];
    for (const { id, at, occurrence } of changes) {
      const before = memories.get(id) ?? known.get(id) ?? { flaps: steady, told: nothingTold };
      const flaps = noteChange(before.flaps, at, config.flapping);
      memories.set(id, { ...before, flaps });
      if (isFlapping(flaps, at)) flapping.push(occurrence);
    }
    await this.parts.changes.remember(transaction, memories, Date.now());
    await this.parts.changes.markFlapping(transaction, flapping);
  }

  /** Who was told that it fires is told that it is over, and nobody else. */
  async #over(transaction: Transaction, over: readonly ChangeRow[], now: number): Promise<void> {
    if (over.length === 0) return;
    const { notices, deliveries, config } = this.parts;
    const occurrences = over.map(({ occurrence }) => occurrence);
    await notices.forgetOver(transaction, occurrences);
    if (!config.current.schedule.notifyOnResolve) return;
    const tellers = await deliveries.tellers(transaction, occurrences);
    const told = over.filter(({ occurrence }) => tellers.has(occurrence));
    await notices.add(
      transaction,
      told.map((change): Notice => {
        const channels = tellers.get(change.occurrence) ?? [];
        return { ...firing(change, config.current, now), kind: 'resolved', channels, upgraded: false, settles: false };
      }),
    );
  }
}

function firing(change: ChangeRow, { aggregation }: AlertConfig, now: number): Notice {
  const { occurrence, kind, id, resource, signal } = change;
  const { node, instance } = resource;
  const windowMs = aggregation.enabled ? aggregation.windowSeconds * 1000 : 0;
  const mayFollow = signalInfo(signal).category === 'offline' && resource.parents.length > 0;
  return {
    occurrence,
    kind: 'firing',
    groupKey: groupKey(aggregation, { alertId: id, node, instance, resourceId: resource.id }),
    dueAt: now + (mayFollow ? Math.max(windowMs, SETTLE_MS) : windowMs),
    channels: null,
    settles: mayFollow,
    upgraded: kind === 'level',
    // What is told because of anything else was not on its way all the time.
    watchedAt: kind === 'fired' ? change.watchedAt : null,
    batchedAt: now,
  };
}
