import { EventFeed, type Bus, type FeedMessage } from '@lapwing/bus';
import {
  agentReported,
  hostSampled,
  latestSampleGet,
  type AgentReport,
  type HostSample,
  type PayloadOf,
} from '@lapwing/contracts';
import { Heartbeat } from '@lapwing/service';
import { createLogger, describeError, gauge } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Instances } from '../domain/instances.js';
import { presenceOf } from '../domain/presence.js';
import type { AgentStore, Running } from '../store/agent.store.js';

const TICK_MS = 1000;
const KEEP_EVERY_MS = 5000;
const DEFAULT_INTERVAL_MS = 5000;
const SILENCE_MS = 60_000;
const ASK_AT_ONCE = 8;
/** More agents than anybody has; a bus that lets everybody in must not fill the memory. */
const MAX_AGENTS = 20_000;

/** What is known of an agent from what it says. */
interface Heard {
  lastSeenAt: number | null;
  sample: HostSample | null;
  /** Undefined until it has said. */
  intervalMs: number | undefined;
  instances: Instances;
  /** What it said last that it runs, and whether the database has that. */
  report: AgentReport | undefined;
  isKept: boolean;
  told: 'online' | 'stale' | 'offline' | undefined;
}

/** What others want to know at once. */
export interface PresenceListener {
  /** An agent is heard for the first time since this process runs. */
  appeared(agentId: string, sample: HostSample): void;
  /** Two machines have one identity. */
  twins(agentId: string): void;
  /** An agent is not as it was. */
  changed(agentId: string, status: 'online' | 'stale' | 'offline', lastSeenAt: number | null): void;
}

const agentsGauge = gauge<'status'>({
  name: 'lapwing_fleet_agents',
  help: 'Agents that were heard, by whether they report',
  labelNames: ['status'],
});

/** Hears all agents: knows the newest sample of each, and whether it still reports. */
export class PresenceService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('fleet', 'presence');
  readonly #feed: EventFeed<typeof hostSampled>;
  readonly #agents = new Map<string, Heard>();
  readonly #unkept = new Map<string, number>();
  /** Of the rounds that keep when agents were seen. */
  readonly heartbeat = new Heartbeat(SILENCE_MS);
  #listener: PresenceListener | undefined;
  #intervalsKnown = false;
  #listeningSince = Number.POSITIVE_INFINITY;
  #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly store: AgentStore,
  ) {
    this.#feed = new EventFeed(bus, hostSampled, (message) => this.#sampled(message));
  }

  onApplicationBootstrap(): void {
    this.#feed.start();
    this.bus.listen(agentReported, '*', (report) => this.#reported(report));
    this.#timers = [
      setInterval(() => this.#tick(), TICK_MS).unref(),
      setInterval(() => void this.#keep(), KEEP_EVERY_MS).unref(),
    ];
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#feed.stop();
    await this.#keep();
  }

  /** Who is told from now on. */
  set listener(listener: PresenceListener) {
    this.#listener = listener;
  }

  /** How many were heard, how many of those report, and how many of these have a GPU in their newest sample. */
  get counts(): { heard: number; online: number; withGpu: number } {
    const online = [...this.#agents.values()].filter((heard) => this.#statusOf(heard) === 'online');
    const withGpu = online.filter(({ sample }) => sample?.gpu?.available === true).length;
    return { heard: this.#agents.size, online: online.length, withGpu };
  }

  /** What an agent said last that it runs; undefined when that was before this process began. */
  running(agentId: string): Running | undefined {
    const { report } = this.#agents.get(agentId) ?? {};
    return report && runningOf(report);
  }

  /** How an agent is, and its newest sample; what the database keeps counts where it was not heard. */
  of(agentId: string, kept: { lastSeenAt: number | null; intervalMs: number | undefined }) {
    const heard = this.#agents.get(agentId);
    const lastSeenAt = Math.max(heard?.lastSeenAt ?? 0, kept.lastSeenAt ?? 0) || null;
    const intervalMs = heard?.intervalMs ?? kept.intervalMs ?? DEFAULT_INTERVAL_MS;
    const status = presenceOf({ lastSeenAt, intervalMs }, Date.now(), this.#listeningSince);
    return { lastSeenAt, status, sample: heard?.sample ?? null };
  }

  /** Forgets an agent that was deleted. */
  forget(agentId: string): void {
    this.#agents.delete(agentId);
    this.#unkept.delete(agentId);
  }

  /** How often agents speak, as the database has it from before the start. From now on one can be offline. */
  know(intervals: [agentId: string, intervalMs: number][]): void {
    for (const [agentId, intervalMs] of intervals) {
      const heard = this.#heard(agentId);
      if (heard) heard.intervalMs ??= intervalMs;
    }
    this.#intervalsKnown = true;
  }

  /** Asks for the newest samples of agents of which the stream holds none any more. */
  async recall(agentIds: string[]): Promise<void> {
    const missing = agentIds.filter((id) => !this.#agents.get(id)?.sample);
    for (let at = 0; at < missing.length; at += ASK_AT_ONCE)
      await Promise.all(missing.slice(at, at + ASK_AT_ONCE).map((id) => this.#recallOne(id)));
  }

  async #recallOne(agentId: string): Promise<void> {
    const stored = await this.bus.request(latestSampleGet, { agentId });
    const heard = this.#heard(agentId);
    if (stored && heard && (heard.sample?.time ?? 0) < stored.sample.time) heard.sample = stored.sample;
  }

  #sampled({ payload, storedAt }: FeedMessage<PayloadOf<typeof hostSampled>>): void {
    const { agentId, samples } = payload;
    const isNew = !this.#agents.has(agentId);
    const heard = this.#heard(agentId);
    if (!heard) return;
    for (const sample of samples) if (sample.time > (heard.sample?.time ?? 0)) heard.sample = sample;
    this.#seen(agentId, heard, storedAt);
    if (isNew && heard.sample) this.#listener?.appeared(agentId, heard.sample);
  }

  #reported(report: AgentReport): void {
    const heard = this.#heard(report.agentId);
    if (!heard) return;
    this.#seen(report.agentId, heard, Date.now());
    heard.intervalMs = report.refreshInterval * 1000;
    if (heard.instances.hear(report.instance)) this.#listener?.twins(report.agentId);
    if (JSON.stringify(report) === JSON.stringify(heard.report)) return;
    Object.assign(heard, { report, isKept: false });
  }

  #heard(agentId: string): Heard | undefined {
    const known = this.#agents.get(agentId);
    if (known || this.#agents.size >= MAX_AGENTS) return known;
    const heard: Heard = {
      lastSeenAt: null,
      sample: null,
      intervalMs: undefined,
      instances: new Instances(),
      report: undefined,
      isKept: true,
      told: undefined,
    };
    this.#agents.set(agentId, heard);
    return heard;
  }

  #seen(agentId: string, heard: Heard, at: number): void {
    if (at <= (heard.lastSeenAt ?? 0)) return;
    heard.lastSeenAt = at;
    this.#unkept.set(agentId, at);
  }

  #statusOf({ lastSeenAt, intervalMs = DEFAULT_INTERVAL_MS }: Heard): 'online' | 'stale' | 'offline' {
    return presenceOf({ lastSeenAt, intervalMs }, Date.now(), this.#listeningSince);
  }

  #tick(): void {
    // While nobody can be heard, and before it is known how often anybody speaks, nobody goes offline.
    if (!this.bus.online || !this.#intervalsKnown) this.#listeningSince = Number.POSITIVE_INFINITY;
    else if (this.#listeningSince === Number.POSITIVE_INFINITY) this.#listeningSince = Date.now();
    const counts = { online: 0, stale: 0, offline: 0 };
    for (const [agentId, heard] of this.#agents) {
      const status = this.#statusOf(heard);
      counts[status]++;
      if (heard.told !== undefined && heard.told !== status) this.#listener?.changed(agentId, status, heard.lastSeenAt);
      heard.told = status;
    }
    for (const [status, count] of Object.entries(counts)) agentsGauge.set({ status }, count);
  }

  async #keep(): Promise<void> {
    const seen = [...this.#unkept];
    this.#unkept.clear();
    try {
      if (seen.length > 0) await this.store.noteSeen(seen);
      for (const heard of this.#agents.values()) await this.#keepReport(heard);
    } catch (error) {
      for (const [id, at] of seen) if (!this.#unkept.has(id)) this.#unkept.set(id, at);
      this.#log.debug({ error: describeError(error) }, 'when agents were seen is kept with the next round');
    }
    this.heartbeat.beat();
  }

  /** However often an agent says something new, only the newest is written, with each round. */
  async #keepReport(heard: Heard): Promise<void> {
    const { report, isKept } = heard;
    if (!report || isKept) return;
    await this.store.setRunning(report.agentId, runningOf(report));
    heard.isKept = heard.report === report;
  }
}

const runningOf = ({ agentId: _agentId, ...running }: AgentReport): Running => running;
