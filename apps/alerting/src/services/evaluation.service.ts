import { EventFeed, Leases, Shares, type Bus, type FeedMessage, type Worker } from '@lapwing/bus';
import {
  alertChanged,
  alertingChanged,
  hostSampled,
  type DockerHost,
  type HostSample,
  type LogRule,
  type PayloadOf,
  type SectionName,
} from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import { Heartbeat } from '@lapwing/service';
import { counter, createLogger, describeError, gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { batchesOf } from '../domain/batches.js';
import type { Change } from '../domain/engine.js';
import { logRoot } from '../domain/log-rules.js';
import { PARTITIONS, partitionOf } from '../domain/partition.js';
import { dockerScope } from '../domain/readings/docker.js';
import type { Matches } from '../domain/readings/logs.js';
import type { Target } from '../domain/readings/target.js';
import type { AlertStore, JudgedChange } from '../store/alert.store.js';
import type { PartitionStore } from '../store/partition.store.js';
import type { ConfigService } from './config.service.js';
import { isGone, type EstateListener, type EstateService, type Presence } from './estate.service.js';
import { Partition } from './partition.js';
import type { PipelineService } from './pipeline.service.js';

const FLUSH_MS = 200;
/** What has changed nothing is noted this often. */
const SAVE_MS = 2000;
/** Where nothing was judged, how far it has come is noted this often. */
const SAVE_MOVED_MS = 30_000;
const REFRESH_MS = 10_000;
const BACKUP_AGES_MS = 60_000;
/** A holder that finds older notes begins with the present: what was then is history. */
const FORGET_MS = 600_000;
/** What is listed as away with something else is as it was so long ago at most. */
const FRESH_MS = 100;
/** A clock may be so far ahead; what is further is judged by when it came. */
const AHEAD_MS = 300_000;
/** What an agent said last may come so long after it was deleted. */
const LATE_MS = 60_000;
/** More changes than this wait for a database that is away: then the partition is given up, and read again where it stood. */
const MAX_PENDING = 50_000;

/** A turn may wait for a database that is slow, and for the whole of its patience with one statement. */
const SILENCE_MS = 45_000;

/** Alerts that are written at once. */
const MAX_BATCH = 250;

const leaseOf = (number: number): string => `judging.${number}`;
const numberOf = (name: string): number => Number(name.split('.')[1]);

const judged = counter<'what'>({
  name: 'lapwing_alerting_looks_total',
  help: 'Looks at hosts, targets, Docker hosts and logs that were judged',
  labelNames: ['what'],
});
const openGauge = gauge({ name: 'lapwing_alerting_open', help: 'Open alerts in the partitions of this process' });

/**
 * Judges all that is seen, in partitions that are shared among all replicas by leases. How a partition stands is written together with the changes
 * that it led to, by its holder only: each sample is judged once, and what was judged is never lost.
 */
export class EvaluationService implements OnApplicationBootstrap, OnModuleDestroy, EstateListener, Worker {
  readonly #log = createLogger('alerting', 'evaluation');
  readonly #partitions = new Map<number, Partition>();
  readonly #feed: EventFeed<typeof hostSampled>;
  readonly #shares: Shares;
  /** Of the turns that write what was judged. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);
  #timers: NodeJS.Timeout[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #isSoon = false;
  #fault: string | null = null;

  constructor(
    private readonly bus: Bus,
    private readonly schema: Schema,
    private readonly leases: Leases,
    private readonly estate: EstateService,
    private readonly config: ConfigService,
    private readonly stores: { alerts: AlertStore; partitions: PartitionStore },
    private readonly pipeline: PipelineService,
  ) {
    this.#feed = new EventFeed(bus, hostSampled, (message) => this.#sampled(message));
    const names = Array.from({ length: PARTITIONS }, (_, number) => leaseOf(number));
    this.#shares = new Shares('alerting', leases, names, this);
  }

  onApplicationBootstrap(): void {
    this.estate.listener = this;
    this.config.onChange((config) => {
      for (const partition of this.#partitions.values()) partition.configure(config, Date.now());
      this.#flushSoon();
    });
    this.bus.listen(alertChanged, '*', ({ change, alert }) => {
      if (change === 'cleared') this.#cleared(alert.id, alert.startedAt);
    });
    this.leases.start();
    this.#feed.start();
    this.#shares.start();
    this.#timers = [
      setInterval(() => this.#flushLater(), FLUSH_MS),
      setInterval(() => this.#refreshLater(), REFRESH_MS),
      setInterval(() => this.#judgeBackupAges(), BACKUP_AGES_MS),
    ];
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#feed.stop();
    await this.#shares.stop();
  }

  /** What went wrong at the last writing; null when nothing did. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Whether all samples that come from now on will be judged. */
  get isFollowing(): boolean {
    return this.#feed.isFollowing;
  }

  /** How many messages of samples this process has still to judge; `UNAVAILABLE` while that cannot be known. */
  behind(): Promise<number> {
    return this.#feed.behind();
  }

  /** Whether partitions can be had: else nobody judges anything. */
  get canClaim(): boolean {
    return this.leases.areThere;
  }

  /** How many partitions this process judges. */
  get partitions(): number {
    return this.#partitions.size;
  }

  async take(name: string): Promise<void> {
    const number = numberOf(name);
    const now = Date.now();
    const config = await this.config.load();
    const taken = await this.stores.partitions.take(number, this.leases.holder, now);
    const isOld = now - taken.updatedAt > FORGET_MS;
    const partition = new Partition(
      number,
      config,
      { ...taken, ...(isOld && { position: 0 }) },
      await this.stores.alerts.open(number),
    );
    // Rules may have changed while nobody judged.
    partition.configure(this.config.current, now);
    this.#partitions.set(number, partition);
    this.#lookAtAll(partition);
    this.#rewind();
  }

  /**
   * Goes back to where the first of all partitions stands: they are taken one after the other, and none must make another miss anything. A new
   * one, beside others, begins with what comes next.
   */
  #rewind(): void {
    const begun = [...this.#partitions.values()].map(({ position }) => position).filter((position) => position > 0);
    const from = begun.length > 0 ? Math.min(...begun) : 0;
    if (from === 0 || from !== this.#feed.position) this.#feed.rewind(from);
  }

  async drop(name: string): Promise<void> {
    const partition = this.#partitions.get(numberOf(name));
    if (!partition) return;
    // After what is being written: two writes at once could leave the older state.
    this.#flushing = this.#flushing.then(() => this.#flush(true)).catch(() => {});
    await this.#flushing;
    this.#partitions.delete(partition.number);
  }

  section(target: Target, section: SectionName): void {
    const partition = this.#of(target.id);
    if (!partition) return;
    partition.section(target, section, this.config.current);
    judged.inc({ what: 'target' });
    this.#flushIfPending(partition);
  }

  targets(targetIds: ReadonlySet<string>): void {
    for (const partition of this.#partitions.values()) {
      for (const id of partition.targetIds()) if (!targetIds.has(id)) partition.forgetTarget(id, Date.now());
      this.#flushIfPending(partition);
    }
  }

  dockerHosts(hosts: DockerHost[]): void {
    const now = Date.now();
    const topology = this.estate.topology();
    const known = new Set(hosts.map(({ id }) => dockerScope(id)));
    for (const host of hosts) {
      const partition = this.#of(dockerScope(host.id));
      if (!partition) continue;
      partition.dockerHost(host, topology.pathOf(host.report.host.hostname), this.config.current, now);
      judged.inc({ what: 'docker' });
      this.#flushIfPending(partition);
    }
    for (const partition of this.#partitions.values())
      for (const scope of partition.dockerScopes()) if (!known.has(scope)) partition.forget(scope, now);
  }

  /** Whether this process judges a rule on logs. */
  judgesLogs(ruleId: string): boolean {
    return this.#of(logRoot(ruleId)) !== undefined;
  }

  /** Judges how many lines matched a rule on logs in the window that ends at an instant. */
  matches(rule: LogRule, found: Matches, at: number): void {
    const partition = this.#of(logRoot(rule.id));
    if (!partition) return;
    partition.matches(rule, found, (agentId) => this.estate.logHost(agentId), at);
    judged.inc({ what: 'log rule' });
    this.#flushIfPending(partition);
  }

  presence(agentId: string, presence: Presence): void {
    if (isGone(presence))
      for (const each of this.#partitions.values()) {
        each.forgetLogs(agentId, presence.time);
        this.#flushIfPending(each);
      }
    const partition = this.#of(agentId);
    if (!partition) return;
    const name = this.estate.hostName(agentId);
    partition.presence(agentId, name, this.estate.topology().pathOf(name), presence);
    this.#flushIfPending(partition);
  }

  #of(root: string): Partition | undefined {
    return this.#partitions.get(partitionOf(root));
  }

  /** What was seen before the partition was this process's is judged as it stands. */
  #lookAtAll(partition: Partition): void {
    const isOwn = (root: string): boolean => partitionOf(root) === partition.number;
    for (const target of this.estate.targets())
      if (isOwn(target.id))
        for (const section of Object.keys(target.sections) as SectionName[]) this.section(target, section);
    for (const [agentId, presence] of this.estate.presences())
      if (isOwn(agentId) || isGone(presence)) this.presence(agentId, presence);
    const targetIds = this.estate.targetIds();
    if (targetIds) this.targets(targetIds);
    const hosts = this.estate.dockerHosts();
    if (hosts) this.dockerHosts(hosts);
  }

  #sampled({ position, storedAt, payload }: FeedMessage<PayloadOf<typeof hostSampled>>): void {
    const { agentId } = payload;
    if (this.#isGone(agentId, storedAt)) return;
    const samples = payload.samples.map((sample) => inTime(sample, storedAt));
    const newest = samples.at(-1);
    if (newest) this.estate.noteHost(agentId, newest.system.hostname || agentId);
    const partition = this.#of(agentId);
    // What is nobody's of them is behind all of them: none must read it again.
    const moved = [...this.#partitions.values()].filter((each) => each.advance(position, storedAt));
    if (!partition || !moved.includes(partition)) return;
    partition.heard(agentId, storedAt);
    const parents = this.estate
      .topology()
      .pathOf(this.estate.hostName(agentId))
      .filter((id) => id !== agentId);
    // Of a host that is not known yet, what comes so late says nothing about now.
    if (!partition.knows(agentId) && storedAt - (newest?.time ?? 0) > FORGET_MS / 2) return;
    for (const sample of samples.toSorted((one, other) => one.time - other.time)) {
      const beganAt = performance.now();
      const changes = partition.sample(agentId, parents, sample);
      const judgedMs = performance.now() - beganAt;
      const { time: takenAt, collectMs } = sample;
      if (changes) this.pipeline.judged({ takenAt, storedAt, collectMs, judgedMs, changes });
    }
    judged.inc({ what: 'host' }, samples.length);
    this.#flushIfPending(partition);
  }

  /** Whether an agent was deleted or shut out, and this came at about that time: it is over all the same. */
  #isGone(agentId: string, storedAt: number): boolean {
    const presence = this.estate.presences().get(agentId);
    return presence !== undefined && storedAt <= presence.time + LATE_MS && isGone(presence);
  }

  #judgeBackupAges(): void {
    if (!this.config.current.backupDefaults.enabled) return;
    const targets = this.estate.targets();
    const servers = targets.filter(({ type }) => type === 'pbs');
    for (const target of targets)
      if (target.type === 'pve' && target.sections.guests) this.#of(target.id)?.backupAges(target, servers, Date.now());
  }

  #cleared(alertId: string, startedAt?: number): void {
    const until = Date.now() + this.config.current.schedule.cooldown * 60_000;
    for (const partition of this.#partitions.values()) partition.engine.clear(alertId, until, startedAt);
  }

  #flushIfPending(partition: Partition): void {
    if (partition.pending.length > 0) this.#flushSoon();
  }

  /** Together with whatever comes within the same turn. */
  #flushSoon(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    setImmediate(() => {
      this.#isSoon = false;
      this.#flushLater();
    });
  }

  #flushLater(): void {
    this.#flushing = this.#flushing.then(() => this.#attemptFlush());
  }

  async #attemptFlush(): Promise<void> {
    try {
      await this.#flush(false);
      this.#fault = null;
    } catch (error) {
      this.#fault = 'changes could not be written';
      this.#log.warn({ error: describeError(error) }, 'changes could not be written, trying again');
    }
    this.heartbeat.beat();
  }

  async #flush(all: boolean): Promise<void> {
    const now = Date.now();
    const due = [...this.#partitions.values()].filter(
      ({ isDirty, hasMoved, pending, savedAt }) =>
        (isDirty && (all || pending.length > 0 || now - savedAt >= SAVE_MS)) ||
        (hasMoved && now - savedAt >= SAVE_MOVED_MS),
    );
    if (due.length === 0) return;
    let changes = 0;
    for (const partition of due) {
      changes += await this.#save(partition, now);
      this.heartbeat.beat();
    }
    openGauge.set([...this.#partitions.values()].reduce((sum, { engine }) => sum + engine.openCount, 0));
    if (changes > 0) this.bus.announce(alertingChanged, 'alerts', { what: 'alerts' });
  }

  async #save(partition: Partition, now: number): Promise<number> {
    const { number, position, pending } = partition;
    partition.pending = [];
    partition.isDirty = false;
    const state = partition.state();
    try {
      const isMine = await this.schema.transaction('partition.save', async (transaction) => {
        const part = { number, holder: this.leases.holder, position, state, at: now };
        if (!(await this.stores.partitions.save(transaction, part))) return false;
        for (const batch of batchesOf(pending, MAX_BATCH))
          await this.stores.alerts.write(transaction, this.#described(batch, number), now);
        return true;
      });
      partition.savedAt = now;
      partition.savedPosition = position;
      if (!isMine) await this.#lose(partition);
      return isMine ? pending.length : 0;
    } catch (error) {
      partition.pending = [...pending, ...partition.pending];
      partition.isDirty = true;
      if (partition.pending.length > MAX_PENDING) await this.#lose(partition);
      throw error;
    }
  }

  async #lose({ number }: Partition): Promise<void> {
    this.#partitions.delete(number);
    this.#log.warn({ partition: number }, 'a partition was lost to another replica');
    await this.leases.release(leaseOf(number));
  }

  #described(changes: Change[], partition: number): JudgedChange[] {
    return changes.map((change) => {
      const isAway = change.kind === 'fired' && (change.signal === 'connectivity' || change.signal === 'powered-off');
      const { affected, count } = isAway
        ? this.estate.topology(FRESH_MS).below(change.resource.id)
        : { affected: [], count: 0 };
      return { change, partition, affected, affectedCount: count };
    });
  }

  #refreshLater(): void {
    this.#flushing = this.#flushing
      .then(() => this.#refresh())
      .catch((error: unknown) =>
        this.#log.debug({ error: describeError(error) }, 'the newest values could not be noted'),
      );
  }

  /** Never while alerts wait to be written: the database would not know them, and they would count as cleared. */
  async #refresh(): Promise<void> {
    for (const { engine, pending } of this.#partitions.values()) {
      if (pending.length > 0) continue;
      const open = engine.changedOpen();
      for (let at = 0; at < open.length; at += MAX_BATCH) {
        const gone = await this.stores.alerts.refresh(open.slice(at, at + MAX_BATCH));
        for (const alertId of gone) this.#cleared(alertId);
        this.heartbeat.beat();
      }
    }
  }
}

/** A sample of a clock that is far ahead would hide all that comes until then. */
const inTime = (sample: HostSample, storedAt: number): HostSample =>
  sample.time > storedAt + AHEAD_MS ? { ...sample, time: storedAt } : sample;
