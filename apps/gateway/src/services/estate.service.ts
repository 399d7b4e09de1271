import { EventFeed, streamBounds, type Bus } from '@lapwing/bus';
import {
  SectionAssembly,
  defaultSystemSettings,
  dockerhostChanged,
  dockerhostList,
  dockerhostReported,
  nodeChanged,
  nodeList,
  settingsChanged,
  settingsGet,
  targetObserved,
  type ConfiguredNode,
  type Discovery,
  type DockerHost,
  type LinkStatus,
  type Observation,
  type SectionName,
  type SystemSettings,
} from '@lapwing/contracts';
import { mockEstate } from '@lapwing/mock';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { linkOf, type EstateTarget } from './estate.js';

const LOOK_MS = 500;
const REFRESH_MS = 60_000;
/** Docker hosts are read anew at most this often, however many of them report. */
const DOCKER_MS = 3000;
const RETRY_MS = 2000;
/** What a stream holds is read in less; what it has let go of since never comes. */
const SETTLE_MS = 5000;

/** Hears what has changed: a section of a target, the Docker hosts, or everything. */
export type EstateListener = (change: { target: EstateTarget; section: SectionName } | 'docker' | 'all') => void;

/** Knows all machines that are polled or report by Docker agents, as they were seen last; in mock mode the made-up ones instead. */
export class EstateService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('gateway', 'estate');
  readonly #feed: EventFeed<typeof targetObserved>;
  readonly #assembly = new SectionAssembly();
  /** Everything that was seen, of targets that are configured or not (yet). */
  readonly #seen = new Map<string, EstateTarget['sections']>();
  readonly #listeners: EstateListener[] = [];
  #nodes: ConfiguredNode[] = [];
  #targets = new Map<string, EstateTarget>();
  #dockerHosts: DockerHost[] = [];
  #settings: SystemSettings = defaultSystemSettings;
  #mock: { targets: Map<string, EstateTarget>; dockerHosts: DockerHost[] } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #nodesAt = Number.NEGATIVE_INFINITY;
  #dockerAt = Number.NEGATIVE_INFINITY;
  #dockerDirty = true;
  #mockAt = Number.NEGATIVE_INFINITY;
  #ready = false;
  #polls = 0;
  /** What the stream held when the nodes were known first, and until when that is waited for. */
  #goal: { position: number; until: number } | undefined;

  constructor(private readonly bus: Bus) {
    this.#feed = new EventFeed(bus, targetObserved, ({ payload }) => this.#hear(payload));
  }

  onApplicationBootstrap(): void {
    this.bus.listen(nodeChanged, '*', () => (this.#nodesAt = Number.NEGATIVE_INFINITY));
    this.bus.listen(dockerhostChanged, '*', () => (this.#dockerDirty = true));
    this.bus.listen(dockerhostReported, '*', () => (this.#dockerDirty = true));
    this.bus.listen(settingsChanged, '*', (settings) => {
      if (settings.revision >= this.#settings.revision) this.#set(settings);
    });
    this.#feed.start();
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#feed.stop();
  }

  /** Whether all that was said before this gateway started is known: until then, what is missing is not gone. */
  get ready(): boolean {
    return this.#ready;
  }

  /** How many polls have been heard of. */
  get polls(): number {
    return this.#polls;
  }

  /** The settings in force. */
  get settings(): SystemSettings {
    return this.#settings;
  }

  /** Whether made-up machines are shown. */
  get isMock(): boolean {
    return this.#mock !== undefined;
  }

  /** Whether there is anything to poll: made-up machines are shown instead of the real ones, and then those are left alone. */
  get isPolled(): boolean {
    return !this.isMock && this.#targets.size > 0;
  }

  /** What is polled, by type and name. */
  targets(): EstateTarget[] {
    return [...(this.#mock?.targets ?? this.#targets).values()];
  }

  /** One of them. */
  target(id: string): EstateTarget | undefined {
    return (this.#mock?.targets ?? this.#targets).get(id);
  }

  /** How a configured node is reached; undefined while nobody has said so, and for all in mock mode, which shows others. */
  linkTo(nodeId: string): LinkStatus | undefined {
    const target = this.isMock ? undefined : this.target(nodeId);
    return target && linkOf(target, Date.now());
  }

  /** Docker hosts that are not hidden. */
  dockerHosts(): DockerHost[] {
    return this.#mock?.dockerHosts ?? this.#dockerHosts.filter(({ hidden }) => !hidden);
  }

  /** What the last search of the network found. */
  discovery(): Discovery {
    const [found] = this.#seen.get('discovery')?.discovery?.items ?? [];
    return found ?? { servers: [], errors: [], scanning: false, updatedAt: null };
  }

  /** Calls `hear` after each change. */
  onChange(hear: EstateListener): void {
    this.#listeners.push(hear);
  }

  #tell(change: Parameters<EstateListener>[0]): void {
    for (const hear of this.#listeners) hear(change);
  }

  #hear(observation: Observation): void {
    const { targetId, section } = observation;
    // A poll ends with the word about the link.
    if (section === 'link') this.#polls++;
    const items = this.#assembly.add(observation);
    if (!items) return;
    const sections = this.#seen.get(targetId) ?? {};
    Object.assign(sections, { [section]: { items, time: observation.time } });
    this.#seen.set(targetId, sections);
    const target = this.#targets.get(targetId);
    if (target && !this.#mock) this.#tell({ target, section });
  }

  #set(settings: SystemSettings): void {
    this.#settings = settings;
    this.#mockAt = Number.NEGATIVE_INFINITY;
  }

  async #look(): Promise<void> {
    const now = performance.now();
    if (now - this.#nodesAt > REFRESH_MS)
      await this.#attempt(
        () => this.#readNodes(now),
        () => (this.#nodesAt = now - REFRESH_MS + RETRY_MS),
      );
    if (this.#dockerDirty && now - this.#dockerAt > DOCKER_MS)
      await this.#attempt(
        () => this.#readDockerHosts(now),
        () => (this.#dockerAt = now),
      );
    this.#showMock(now);
    if (!this.#ready && this.#goal) this.#settle(this.#goal, now);
  }

  #settle({ position, until }: { position: number; until: number }, now: number): void {
    if (this.#feed.position < position && now < until) return;
    this.#ready = true;
    this.#tell('all');
  }

  async #attempt(work: () => Promise<void>, later: () => void): Promise<void> {
    try {
      await work();
    } catch (error) {
      later();
      this.#log.debug({ error: describeError(error) }, 'the estate could not be read, trying again');
    }
  }

  async #readNodes(now: number): Promise<void> {
    // From before the question: what changes meanwhile is asked about again.
    this.#nodesAt = now;
    const [{ nodes }, settings] = await Promise.all([
      this.bus.request(nodeList, {}),
      this.bus.request(settingsGet, {}),
    ]);
    this.#settings = settings;
    this.#goal ??= { position: (await streamBounds(this.bus, targetObserved)).last, until: now + SETTLE_MS };
    if (JSON.stringify(nodes) === JSON.stringify(this.#nodes)) return;
    const before = this.#nodes;
    this.#nodes = nodes;
    this.#targets = new Map(nodes.map((node) => [node.id, this.#targetOf(node)]));
    // Only what was there and is gone: of what is not known yet, what was said may have come before the news of it.
    for (const { id } of before) if (!this.#targets.has(id)) this.#forget(id);
    if (!this.#mock) this.#tell('all');
  }

  #targetOf({ id, type, name, host }: ConfiguredNode): EstateTarget {
    const sections = this.#seen.get(id) ?? {};
    this.#seen.set(id, sections);
    return { id, type, name, host, sections };
  }

  #forget(id: string): void {
    this.#seen.delete(id);
    this.#assembly.forget(id);
  }

  async #readDockerHosts(now: number): Promise<void> {
    this.#dockerDirty = false;
    this.#dockerAt = now;
    const all: DockerHost[] = [];
    try {
      for (let after: string | null = ''; after !== null;) {
        const page: { hosts: DockerHost[]; next: string | null } = await this.bus.request(dockerhostList, { after });
        all.push(...page.hosts);
        after = page.next;
      }
    } catch (error) {
      this.#dockerDirty = true;
      throw error;
    }
    this.#dockerHosts = all;
    if (!this.#mock) this.#tell('docker');
  }

  /** Made-up machines move at the pace at which real ones are polled. */
  #showMock(now: number): void {
    const { enabled, config } = this.#settings.mockMode;
    if (!enabled) {
      if (this.#mock) {
        this.#mock = undefined;
        this.#tell('all');
      }
      return;
    }
    if (now - this.#mockAt < this.#settings.pollingInterval * 1000) return;
    this.#mockAt = now;
    const time = Date.now();
    const { targets, dockerHosts } = mockEstate(config, time);
    const shown = targets.map(({ id, type, name, host, sections }): [string, EstateTarget] => {
      const seen = Object.entries(sections).map(([section, items]) => [section, { items, time }]);
      return [id, { id, type, name, host, sections: Object.fromEntries(seen) as EstateTarget['sections'] }];
    });
    this.#mock = { targets: new Map(shown), dockerHosts };
    this.#tell('all');
  }
}
