import type { AlertConfig, DockerHost, HostSample, LogRule, SectionName } from '@lapwing/contracts';
import { Engine, type Change, type Tracked } from '../domain/engine.js';
import { LOG_SCOPES, logScope, rulesInForce } from '../domain/log-rules.js';
import { hostResource, hostScope, readHost } from '../domain/readings/host.js';
import { dockerScope, readDockerHost, type DockerMemory } from '../domain/readings/docker.js';
import { readGuests, type GuestMemory } from '../domain/readings/guests.js';
import { readMatches, type LogHost, type Matches } from '../domain/readings/logs.js';
import { readMail, type MailMemory } from '../domain/readings/mail.js';
import { readBackupAges, readSection, readSections } from '../domain/readings/sections.js';
import { sectionScope, type Target } from '../domain/readings/target.js';
import type { PartitionState, TakenPartition } from '../store/partition.store.js';
import { isGone, type Presence } from './estate.service.js';

const presenceScope = (agentId: string): string => `presence:${agentId}`;

/** One part of all that is judged: its engine, what its readers remember, and how far it has come. */
export class Partition {
  readonly engine: Engine;
  readonly #memories: Map<string, unknown>;
  /** Changes that are not written yet, in order. */
  pending: Change[] = [];
  /** How far the stream of samples was judged. */
  position: number;
  /** When the stream got what was judged last: what came after that in a lower place is of a stream that was made anew. */
  #storedAt: number;
  /** Whether there is anything that the database does not have. */
  isDirty = false;
  savedAt = 0;
  /** How far the database knows that it has come. */
  savedPosition: number;

  constructor(
    readonly number: number,
    config: AlertConfig,
    taken: TakenPartition,
    open: readonly Tracked[],
  ) {
    const { seen = [], waiting = [], memories = [] } = taken.state;
    this.engine = new Engine(config, { seen, waiting }, open);
    this.#memories = new Map(memories);
    this.position = taken.position;
    this.#storedAt = taken.updatedAt;
    this.savedPosition = taken.position;
  }

  /** Whether the stream was read further than the database knows. */
  get hasMoved(): boolean {
    return this.position !== this.savedPosition;
  }

  /** What another holder needs to go on. */
  state(): PartitionState {
    return { ...this.engine.state(), memories: [...this.#memories] };
  }

  /** Goes on to a message of the stream. Returns false when it was judged already. */
  advance(position: number, storedAt: number): boolean {
    if (position <= this.position && storedAt <= this.#storedAt) return false;
    this.position = position;
    this.#storedAt = storedAt;
    return true;
  }

  /** Whether a sample of a host was judged before. */
  knows(agentId: string): boolean {
    return this.engine.hasSeen(hostScope(agentId));
  }

  /** Judges a host's sample. Returns what came of it; undefined where it, or a newer one, was judged before. */
  sample(agentId: string, parents: string[], sample: HostSample): readonly Change[] | undefined {
    const isNews = this.engine.isNews(hostScope(agentId), sample.time);
    const changes = this.engine.look(readHost({ agentId, parents }, sample));
    this.#add(changes);
    return isNews ? changes : undefined;
  }

  /** Judges whether an agent reports; of one that is not wanted any more everything is over. */
  presence(agentId: string, name: string, parents: string[], presence: Presence): void {
    const { status, time, change } = presence;
    if (isGone(presence)) {
      for (const scope of [presenceScope(agentId), hostScope(agentId)]) this.#add(this.engine.forget(scope, time));
      return;
    }
    // What else happens to an agent says nothing of whether it reports: one that is let in has never reported yet.
    if (change !== 'status' || (status !== 'online' && status !== 'stale' && status !== 'offline')) return;
    const resource = hostResource({ agentId, parents }, name);
    const value = Number(status === 'offline');
    this.#add(
      this.engine.look({
        scope: presenceScope(agentId),
        time,
        readings: [{ resource, signal: 'connectivity', value }],
      }),
    );
  }

  /** An agent is heard: it is there, whatever was said of it before. */
  heard(agentId: string, at: number): void {
    const scope = presenceScope(agentId);
    if (this.engine.hasTracks(scope)) this.#add(this.engine.look({ scope, time: at, readings: [] }, 'recovered'));
  }

  /** Judges a section of a target. */
  section(target: Target, section: SectionName, config: AlertConfig): void {
    if (section === 'guests') {
      const { look, memory } = readGuests(
        target,
        this.#memory<GuestMemory>(target.id, section, { running: [], locked: [] }),
        config,
      );
      this.#remember(target.id, section, memory);
      this.#add(this.engine.look(look));
    } else if (section === 'mailGateway') {
      const { look, memory } = readMail(target, this.#memory<MailMemory>(target.id, section, []), config.pmgThresholds);
      this.#remember(target.id, section, memory);
      this.#add(this.engine.look(look));
    } else if (readSections.has(section)) {
      const look = readSection(target, section, config);
      if (look) this.#add(this.engine.look(look));
    }
  }

  /** Judges how old the backups of a target's guests are. */
  backupAges(target: Target, servers: readonly Target[], at: number): void {
    this.#add(this.engine.look(readBackupAges(target, servers, at)));
  }

  /** Judges a Docker host. */
  dockerHost(host: DockerHost, parents: string[], config: AlertConfig, now: number): void {
    const scope = dockerScope(host.id);
    const before = (this.#memories.get(scope) ?? []) as DockerMemory;
    const { look, memory } = readDockerHost(host, parents, before, config, now);
    this.#memories.set(scope, memory);
    this.#add(this.engine.look(look));
  }

  /** Judges how many lines matched a rule on logs in the window that ends at an instant. */
  matches(rule: LogRule, matches: Matches, hostOf: (agentId: string) => LogHost | null, at: number): void {
    const open = this.engine.tracked(logScope(rule)).map(({ resource }) => resource);
    this.#add(this.engine.look(readMatches(rule, matches, { open, hostOf, at })));
  }

  /** Forgets what rules on logs told of an agent that is gone since an instant. */
  forgetLogs(agentId: string, time: number): void {
    for (const scope of this.engine.scopes(LOG_SCOPES)) this.#add(this.engine.forgetPartsOf(agentId, scope, time));
  }

  /** Forgets a target with all of its sections. */
  forgetTarget(targetId: string, time: number): void {
    const prefix = sectionScope(targetId, '');
    for (const scope of this.engine.scopes(prefix)) this.forget(scope, time);
    for (const scope of this.#memories.keys()) if (scope.startsWith(prefix)) this.#memories.delete(scope);
  }

  /** Forgets a scope. */
  forget(scope: string, time: number): void {
    this.#add(this.engine.forget(scope, time));
    this.#memories.delete(scope);
  }

  /** The targets that it has judged. */
  targetIds(): Set<string> {
    return new Set(this.engine.scopes('target:').map((scope) => scope.split(':')[1] ?? ''));
  }

  /** The Docker hosts that it has judged. */
  dockerScopes(): string[] {
    return this.engine.scopes('docker:');
  }

  /** Judges by other rules from now on. */
  configure(config: AlertConfig, time: number): void {
    const logs = new Set(rulesInForce(config).map(logScope));
    for (const scope of this.engine.scopes(LOG_SCOPES))
      if (!logs.has(scope)) this.#add(this.engine.forget(scope, time, 'disabled'));
    this.#add(this.engine.configure(config, time));
  }

  #add(changes: Change[]): void {
    this.isDirty = true;
    if (changes.length > 0) this.pending.push(...changes);
  }

  #memory<M>(targetId: string, section: string, nothing: M): M {
    return (this.#memories.get(sectionScope(targetId, section)) ?? nothing) as M;
  }

  #remember(targetId: string, section: string, memory: unknown): void {
    this.#memories.set(sectionScope(targetId, section), memory);
  }
}
