import { EventFeed, type Bus } from '@lapwing/bus';
import {
  SectionAssembly,
  agentChanged,
  dockerhostChanged,
  dockerhostList,
  dockerhostReported,
  nodeChanged,
  nodeList,
  targetObserved,
  type AgentStatus,
  type ConfiguredNode,
  type DockerHost,
  type Observation,
  type SectionName,
} from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { LogHost } from '../domain/readings/logs.js';
import type { Target } from '../domain/readings/target.js';
import { Topology } from '../domain/topology.js';

const LOOK_MS = 500;
const REFRESH_MS = 60_000;
const RETRY_MS = 2000;
/** Docker hosts are read anew at most this often, however many of them report. */
const DOCKER_MS = 1000;
/** What stands on what changes seldom. */
const TOPOLOGY_MS = 5000;

/** How an agent is, and since when. */
export interface Presence {
  status: AgentStatus | null;
  /** Milliseconds since 1970. */
  time: number;
  change: string;
}

/** Whether an agent was deleted or shut out: nothing of it counts any more. */
export const isGone = ({ status, change }: Presence): boolean =>
  change === 'deleted' || status === 'revoked' || status === 'rejected';

/** What wants to know what is seen. */
export interface EstateListener {
  section(target: Target, section: SectionName): void;
  /** All targets that are configured, whenever that was asked: what is judged of others is over. */
  targets(targetIds: ReadonlySet<string>): void;
  dockerHosts(hosts: DockerHost[]): void;
  presence(agentId: string, presence: Presence): void;
}

/** Knows what pollers, agents and Docker hosts told last, and what stands on what. */
export class EstateService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('alerting', 'estate');
  readonly #observations: EventFeed<typeof targetObserved>;
  readonly #agents: EventFeed<typeof agentChanged>;
  readonly #assembly = new SectionAssembly();
  /** Everything that was seen, of targets that are configured or not (yet). */
  readonly #seen = new Map<string, Target['sections']>();
  readonly #presences = new Map<string, Presence>();
  readonly #hosts = new Map<string, string>();
  #targets: Map<string, Target> | undefined;
  #dockerHosts: DockerHost[] | undefined;
  #topology: Topology | undefined;
  #topologyAt = Number.NEGATIVE_INFINITY;
  #listener: EstateListener | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #nodesAt = Number.NEGATIVE_INFINITY;
  #dockerAt = Number.NEGATIVE_INFINITY;
  #dockerDirty = true;

  constructor(private readonly bus: Bus) {
    this.#observations = new EventFeed(bus, targetObserved, ({ payload }) => this.#observed(payload));
    this.#agents = new EventFeed(bus, agentChanged, ({ payload }) => {
      const { agentId, status, time, change } = payload;
      if (change === 'deleted') this.#hosts.delete(agentId);
      this.#presences.set(agentId, { status, time, change });
      this.#listener?.presence(agentId, { status, time, change });
    });
  }

  onApplicationBootstrap(): void {
    this.bus.listen(nodeChanged, '*', () => (this.#nodesAt = Number.NEGATIVE_INFINITY));
    this.bus.listen(dockerhostChanged, '*', () => (this.#dockerDirty = true));
    this.bus.listen(dockerhostReported, '*', () => (this.#dockerDirty = true));
    this.#observations.start();
    this.#agents.start();
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all([this.#observations.stop(), this.#agents.stop()]);
  }

  /** Who is told of everything from now on. */
  set listener(listener: EstateListener) {
    this.#listener = listener;
  }

  /** The configured targets with all that was seen of them; none before they were read first. */
  targets(): Target[] {
    return [...(this.#targets?.values() ?? [])];
  }

  /** The Docker hosts as they were last; undefined before they were read first. */
  dockerHosts(): DockerHost[] | undefined {
    return this.#dockerHosts;
  }

  /** The configured targets by id; undefined before they were read first. */
  targetIds(): ReadonlySet<string> | undefined {
    return this.#targets && new Set(this.#targets.keys());
  }

  /** How the agents are, by id. */
  presences(): ReadonlyMap<string, Presence> {
    return this.#presences;
  }

  /** The name of an agent's host, as its samples say. */
  hostName(agentId: string): string {
    return this.#hosts.get(agentId) ?? agentId;
  }

  /** What is known of the host whose logs an agent sends; null when the agent is gone. */
  logHost(agentId: string): LogHost | null {
    const presence = this.#presences.get(agentId);
    if (presence && isGone(presence)) return null;
    const name = this.hostName(agentId);
    return { name, parents: this.topology().pathOf(name) };
  }

  /** Notes the name of an agent's host. */
  noteHost(agentId: string, hostname: string): void {
    this.#hosts.set(agentId, hostname);
  }

  /** What stands on what, as it was some seconds ago, or less. */
  topology(mostMs = TOPOLOGY_MS): Topology {
    const now = performance.now();
    if (this.#topology && now - this.#topologyAt < mostMs) return this.#topology;
    this.#topologyAt = now;
    this.#topology = new Topology({
      targets: this.targets(),
      dockerHosts: this.#dockerHosts ?? [],
      hosts: this.#hosts,
    });
    return this.#topology;
  }

  #observed(observation: Observation): void {
    const items = this.#assembly.add(observation);
    if (!items) return;
    const { targetId, section, time } = observation;
    const sections = this.#seen.get(targetId) ?? {};
    Object.assign(sections, { [section]: { items, time } });
    this.#seen.set(targetId, sections);
    const target = this.#targets?.get(targetId);
    if (target) this.#listener?.section(target, section);
  }

  async #look(): Promise<void> {
    const now = performance.now();
    if (now - this.#nodesAt > REFRESH_MS)
      await this.#attempt(
        () => this.#readNodes(now),
        () => (this.#nodesAt = now - REFRESH_MS + RETRY_MS),
      );
    // The news of a change may be lost.
    const isDue = this.#dockerDirty || now - this.#dockerAt > REFRESH_MS;
    if (isDue && now - this.#dockerAt > DOCKER_MS)
      await this.#attempt(
        () => this.#readDockerHosts(now),
        () => (this.#dockerDirty = true),
      );
  }

  async #attempt(work: () => Promise<void>, later: () => void): Promise<void> {
    try {
      await work();
    } catch (error) {
      later();
      this.#log.debug({ error: describeError(error) }, 'the estate could not be read, trying again');
    }
  }

  async #readNodes(askedAt: number): Promise<void> {
    // From before the question: what changes meanwhile is asked about again.
    this.#nodesAt = askedAt;
    const { nodes } = await this.bus.request(nodeList, {});
    const before = this.#targets ?? new Map<string, Target>();
    const now = new Map(nodes.map((node) => [node.id, this.#targetOf(node)]));
    this.#targets = now;
    for (const [id, target] of now)
      if (before.get(id)?.name !== target.name)
        for (const section of Object.keys(target.sections) as SectionName[]) this.#listener?.section(target, section);
    for (const id of before.keys()) {
      if (now.has(id)) continue;
      this.#seen.delete(id);
      this.#assembly.forget(id);
    }
    this.#listener?.targets(new Set(now.keys()));
  }

  #targetOf({ id, type, name }: ConfiguredNode): Target {
    const sections = this.#seen.get(id) ?? {};
    this.#seen.set(id, sections);
    return { id, type, name, sections };
  }

  async #readDockerHosts(now: number): Promise<void> {
    this.#dockerDirty = false;
    this.#dockerAt = now;
    const hosts: DockerHost[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: { hosts: DockerHost[]; next: string | null } = await this.bus.request(dockerhostList, { after });
      hosts.push(...page.hosts);
      after = page.next;
    }
    this.#dockerHosts = hosts;
    this.#listener?.dockerHosts(hosts);
  }
}
