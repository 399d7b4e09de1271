import { Leases, lastOf, type Bus } from '@lapwing/bus';
import {
  NodeSecret,
  defaultSystemSettings,
  nodeChanged,
  observationKey,
  sealedFor,
  settingsChanged,
  settingsGet,
  targetList,
  targetObserved,
  type SystemSettings,
  type Target,
} from '@lapwing/contracts';
import { Heartbeat, type SecretKey } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { Publisher } from './publisher.service.js';
import { TargetPoller } from './target-poller.service.js';

const LOOK_MS = 1000;
const REFRESH_MS = 60_000;
/** A share may be exceeded for a while before something is given away: others that start come one by one. */
const PATIENCE_MS = 10_000;
const SILENCE_MS = 60_000;
const SEALED_ELSEWHERE =
  'the secrets of a target cannot be opened: this poller has another LAPWING_SECRET_KEY than fleet';

const leaseOf = (targetId: string): string => `target.${targetId}`;

/** Opens the secrets of a target. Throws when they were sealed with another key, or for another target. */
export function openSecret(key: SecretKey, target: Target): NodeSecret {
  return NodeSecret.parse(JSON.parse(key.open(sealedFor(target.id), Buffer.from(target.sealed, 'base64'))));
}

/**
 * Polls what is to be polled, together with the other pollers: each target belongs to whoever holds its lease, and each poller takes its
 * share. What a poller that died held is free after twelve seconds.
 */
export class PollingService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('poller', 'polling');
  readonly #pollers = new Map<string, TargetPoller>();
  readonly #stopping = new AbortController();
  /** Of the looks at what is to be polled. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);
  /** Targets whose secrets cannot be opened here, and as of when. */
  readonly #closed = new Map<string, number>();
  #targets: Target[] = [];
  #settings: SystemSettings = defaultSystemSettings;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #excessSince: number | undefined;
  #running: Promise<void> | undefined;
  /** Why the targets could not be read; null when they could. */
  #fault: string | null = 'the targets are still to be read';

  constructor(
    private readonly bus: Bus,
    private readonly leases: Leases,
    private readonly key: SecretKey,
  ) {}

  onApplicationBootstrap(): void {
    this.bus.listen(nodeChanged, '*', () => (this.#refreshedAt = Number.NEGATIVE_INFINITY));
    this.bus.listen(settingsChanged, '*', (settings) => {
      if (settings.revision >= this.#settings.revision) this.#settings = settings;
    });
    this.leases.start();
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all([...this.#pollers.keys()].map((id) => this.#drop(id)));
    await this.leases.stop();
  }

  /** How it goes, for the health of the service. */
  get state(): { targets: number; polled: number; fault: string | null } {
    return { targets: this.#targets.length, polled: this.#pollers.size, fault: this.#fault };
  }

  /** The settings in force. */
  get settings(): SystemSettings {
    return this.#settings;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.heartbeat.beat();
      try {
        if (performance.now() - this.#refreshedAt > REFRESH_MS) await this.#refresh();
        await this.#divide();
      } catch (error) {
        this.#log.warn({ error: describeError(error) }, 'the targets could not be divided');
      }
      await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #refresh(): Promise<void> {
    // From before the question: a change that is told meanwhile makes it ask again.
    const askedAt = performance.now();
    this.#refreshedAt = askedAt;
    try {
      const [{ targets }, settings] = await Promise.all([
        this.bus.request(targetList, {}),
        this.bus.request(settingsGet, {}),
      ]);
      this.#targets = targets;
      this.#settings = settings;
      this.#fault = null;
    } catch (error) {
      if (this.#refreshedAt === askedAt) this.#refreshedAt = Number.NEGATIVE_INFINITY;
      this.#fault = 'the targets could not be read';
      this.#log.debug({ error: describeError(error) }, this.#fault);
    }
  }

  async #divide(): Promise<void> {
    // Made-up machines are shown instead of the real ones: those are left alone meanwhile.
    const wanted = this.#settings.mockMode.enabled ? [] : this.#targets;
    for (const [id, { target }] of this.#pollers) {
      const now = wanted.find((one) => one.id === id);
      if (!now) await this.#release(id);
      else if (now.updatedAt !== target.updatedAt || !this.leases.holds(leaseOf(id))) await this.#drop(id);
    }
    if (wanted.length === 0) return;
    const share = Math.ceil(wanted.length / (await this.leases.holders()));
    for (const target of wanted) {
      if (this.#pollers.has(target.id) || this.#closed.get(target.id) === target.updatedAt) continue;
      const isOwn = this.leases.holds(leaseOf(target.id));
      const isFree = this.#pollers.size < share;
      if (isOwn || (isFree && (await this.leases.claim(leaseOf(target.id))))) await this.#take(target);
    }
    await this.#giveAway(share);
  }

  async #take(target: Target): Promise<void> {
    const before = await this.#lastSaid(target.id);
    if (this.#stopping.signal.aborted) return;
    const publisher = new Publisher(this.bus, target.id, () => this.leases.holds(leaseOf(target.id)));
    try {
      const secret = openSecret(this.key, target);
      const poller = new TargetPoller(target, secret, publisher, {
        intervalMs: () => this.#settings.pollingInterval * 1000,
        backupsMs: () => this.#settings.backupPollingInterval * 1000,
        deadlineMs: () => this.#settings.connectionTimeout * 1000,
      });
      this.#pollers.set(target.id, poller);
      poller.start(before);
    } catch (error) {
      this.#fault = SEALED_ELSEWHERE;
      this.#log.error({ error: describeError(error), target: target.name }, SEALED_ELSEWHERE);
      // Somebody else may have the right key.
      this.#closed.set(target.id, target.updatedAt);
      await this.leases.release(leaseOf(target.id));
    }
  }

  async #lastSaid(targetId: string): Promise<Parameters<TargetPoller['start']>[0]> {
    const [link, nodes] = await Promise.all(
      (['link', 'nodes'] as const).map((section) =>
        lastOf(this.bus, targetObserved, observationKey({ targetId, section, part: 0 })),
      ),
    );
    return {
      link: link?.section === 'link' ? link.items[0] : undefined,
      nodes: nodes?.section === 'nodes' ? nodes.items : [],
    };
  }

  /** Leaves to others what is more than a fair share, one at a time. */
  async #giveAway(share: number): Promise<void> {
    const now = performance.now();
    if (this.#pollers.size <= share) this.#excessSince = undefined;
    else if (this.#excessSince === undefined) this.#excessSince = now;
    else if (now - this.#excessSince > PATIENCE_MS) {
      const last = [...this.#pollers.keys()].at(-1);
      if (last !== undefined) await this.#release(last);
    }
  }

  async #release(id: string): Promise<void> {
    await this.#drop(id);
    await this.leases.release(leaseOf(id));
  }

  async #drop(id: string): Promise<void> {
    const poller = this.#pollers.get(id);
    this.#pollers.delete(id);
    await poller?.stop();
  }
}
