import type { Bus, Leases } from '@lapwing/bus';
import {
  LapwingError,
  auditOccurred,
  type Actor,
  type OutputOf,
  type Rollout,
  type rolloutGet,
} from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import { Heartbeat } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { RolloutRow, RolloutStore } from '../store/rollout.store.js';
import type { AgentCopyService } from './agent-copy.service.js';
import type { Fleet } from './fleet.js';
import { RolloutDriver, type RolloutTimes } from './rollout-driver.js';

const LEASE = 'updates.rollout';
const SHOWN = 500;
/** One step may ask many agents. */
const SILENCE_MS = 600_000;
/** Nobody's doing. */
const ITSELF: Actor = { name: 'updates', userId: null, sessionHash: null, permissions: [], address: '' };

/** What roll-outs are told. */
export interface RolloutOptions extends RolloutTimes {
  /** How long between two steps, milliseconds. */
  paceMs: number;
  /** When it is looked for agents that this server's version is too new for: so long after the start, and how often; undefined for never. */
  auto: { afterMs: number; everyMs: number } | undefined;
}

/** What roll-outs work with. */
export interface RolloutParts {
  bus: Bus;
  schema: Schema;
  leases: Leases;
  fleet: Fleet;
  store: RolloutStore;
  copy: AgentCopyService;
}

/** Rolls out this server's version of the agent: one roll-out at a time, driven by one replica. */
export class RolloutService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('updates', 'rollout');
  readonly #driver: RolloutDriver;
  /** Of the steps. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);
  #timer: NodeJS.Timeout | undefined;
  #stepping: Promise<void> = Promise.resolve();
  #isStopping = false;
  #looksAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly parts: RolloutParts,
    private readonly options: RolloutOptions,
  ) {
    this.#driver = new RolloutDriver(parts.fleet, parts.store, options);
  }

  onApplicationBootstrap(): void {
    this.parts.leases.start();
    this.parts.bus.connection.whenRelinked(() => this.#driver.forgetSilence());
    if (this.options.auto) this.#looksAt = performance.now() + this.options.auto.afterMs;
    this.#plan();
  }

  async onModuleDestroy(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.#stepping;
    await this.parts.leases.stop();
  }

  /** The last one, how its agents fare, and which version this server has. */
  async get(): Promise<OutputOf<typeof rolloutGet>> {
    const { store, copy } = this.parts;
    const [last, own] = await Promise.all([store.last(), copy.get()]);
    const members = last ? await store.members(last.id, { limit: SHOWN }) : [];
    const agents = members.map(({ since: _since, memo: _memo, ...agent }) => agent);
    return { rollout: last ? await this.#described(last) : null, agents, available: own?.version ?? null };
  }

  /** Begins one. `UPDATE_NOT_AVAILABLE` when there is no signed version here or nobody to get it, `UPDATE_IN_PROGRESS`. */
  async start(actor: Actor): Promise<Rollout> {
    const own = await this.parts.copy.get();
    if (!own) throw new LapwingError('UPDATE_NOT_AVAILABLE', 'this server has no signed agent to roll out');
    if (!(await this.#isWanted(own.version)))
      throw new LapwingError('UPDATE_NOT_AVAILABLE', `no agent that is online runs a version before ${own.version}`);
    return this.#begin(own, actor.name);
  }

  /** Stops the one that runs; what it did is taken back. `NOT_FOUND`. */
  async stop(actor: Actor): Promise<Rollout> {
    const { store } = this.parts;
    const open = await store.open();
    if (!open || !(await store.stop(open.id, `stopped by ${actor.name}`, Date.now())))
      throw new LapwingError('NOT_FOUND', 'no roll-out is running');
    this.#log.warn({ version: open.version, by: actor.name }, 'the roll-out was stopped');
    const stopped = await store.last();
    return this.#described(stopped ?? open);
  }

  async #begin(own: { version: string; statement: string }, startedBy: string): Promise<Rollout> {
    const draft = { id: randomUUID(), ...own, startedBy, now: Date.now() };
    const begun = await this.parts.store.begin(draft);
    if (!begun) throw new LapwingError('UPDATE_IN_PROGRESS', 'a roll-out is running, or takes back what it did');
    this.#log.info({ version: own.version, by: startedBy }, 'a roll-out begins');
    return this.#described(begun);
  }

  async #described(row: RolloutRow): Promise<Rollout> {
    const { id, version, status, ring, startedAt, endedAt, startedBy, reason } = row;
    const counts = await this.parts.store.counts(id);
    return { id, version, status, ring, startedAt, endedAt, startedBy, reason, counts };
  }

  async #isWanted(version: string): Promise<boolean> {
    return (await this.parts.fleet.olderThan(version)).some(({ status }) => status === 'online');
  }

  #plan(): void {
    if (this.#isStopping) return;
    this.heartbeat.beat();
    this.#timer = setTimeout(() => {
      this.#stepping = this.#step().finally(() => this.#plan());
    }, this.options.paceMs);
  }

  /** Never throws: what fails is tried again with the next step. */
  async #step(): Promise<void> {
    const { bus, schema, leases, store } = this.parts;
    if (!bus.online || !schema.ready) return;
    try {
      const open = await store.open();
      if (!open) return await this.#rest();
      if (!(await leases.claim(LEASE))) return this.#driver.forgetSilence();
      if (await this.#isSuperseded(open)) return;
      const reason = await this.#driver.step(open);
      if (reason !== undefined) await this.#fail(open, reason);
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'a step of the roll-out failed, and is tried again');
    }
  }

  /** Agents fetch what the server has now, and nobody is to be judged by a version that cannot be had. */
  async #isSuperseded({ id, version, status }: RolloutRow): Promise<boolean> {
    if (status !== 'running') return false;
    const own = await this.parts.copy.get();
    if (own?.version === version) return false;
    const reason = own ? `this server has version ${own.version} now` : 'this server has no signed agent any more';
    await this.parts.store.supersede(id, reason, Date.now());
    this.#log.warn({ version, reason }, 'the roll-out is over before its end');
    return true;
  }

  async #fail({ id, version }: RolloutRow, reason: string): Promise<void> {
    if (!(await this.parts.store.stop(id, reason, Date.now()))) return;
    this.#log.error({ version, reason }, 'agents fare worse: the roll-out is stopped, and what it did is taken back');
    await this.#audit('stopped', version, { rollout: id, reason });
  }

  /** Nothing runs: another replica may drive the next one, and perhaps it is time for it. */
  async #rest(): Promise<void> {
    const { auto } = this.options;
    const { leases, store, copy } = this.parts;
    if (leases.holds(LEASE)) await leases.release(LEASE);
    if (!auto || performance.now() < this.#looksAt) return;
    this.#looksAt = performance.now() + auto.everyMs;
    // A server that is on trial itself may go back.
    if (await store.isServerUpdating()) return;
    const own = await copy.get();
    if (!own || (await store.last())?.version === own.version || (await store.wasStopped(own.version))) return;
    if (!(await this.#isWanted(own.version))) return;
    const { id } = await this.#begin(own, ITSELF.name);
    await this.#audit('started', own.version, { rollout: id });
  }

  async #audit(action: string, target: string, details: Record<string, string>): Promise<void> {
    const eventId = randomUUID();
    const { name, userId, address } = ITSELF;
    const fact = { type: 'rollout', action, target, details };
    const event = { ...fact, eventId, time: Date.now(), actor: { name, userId, address } };
    await this.parts.bus
      .publish(auditOccurred, 'updates', event, eventId)
      .catch((error: unknown) => this.#log.error({ error: describeError(error), ...fact }, 'not in the audit trail'));
  }
}
