import { LapwingError, type HostSample, type SectionName } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import type { AlertsService } from './alerts.service.js';
import type { EstateTarget } from './estate.js';
import type { EstateListener, EstateService } from './estate.service.js';
import { KEY_END, StateDocument, type Fragments } from './state-document.js';

/** What makes the views of the state; the routes know how they look. */
export interface StateViews {
  collections: readonly string[];
  sections: readonly SectionName[];
  /** Sections that look different when the link changes. */
  linked: readonly SectionName[];
  ofSection(
    target: EstateTarget,
    section: SectionName,
    context: { now: number; targets: EstateTarget[]; sampleOf: (node: string) => HostSample | undefined },
  ): Partial<Record<string, { id: string }[]>>;
  /** What comes from no target, by where it comes from. */
  others: Record<'docker' | 'alerts', () => Partial<Record<string, { id: string }[]>>>;
  values(watchers: number): Record<string, unknown>;
}

/** Changes that come close together make one document. */
const SETTLE_MS = 300;
const AGE_MS = 20_000;
const WHOLE_MS = 5000;
const LOOK_MS = 50;
/** So many entities are written before others get a turn. */
const PIECE = 200;

type Listener = (document: StateDocument, before: StateDocument) => void;

/** Keeps the state that Pulse's clients know as a document: each entity is written once when it changes, and the whole once for all readers. */
export class StateService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('gateway', 'state');
  /** How many watch it over sockets; the state tells. */
  watchers = 0;
  /** What each source (a section of a target, the Docker hosts, the alerts) gives to which list. */
  readonly #sources = new Map<string, Map<string, Fragments>>();
  readonly #dirty = new Set<string>();
  readonly #listeners: Listener[] = [];
  #lists = new Map<string, Fragments>();
  #document: StateDocument;
  #timer: NodeJS.Timeout | undefined;
  #clock: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #version = 1;
  #stopped = false;
  #ready = false;
  /** Grows whenever everything changes at once. */
  #generation = 0;
  /** Whether all sources are written anew: then lists that none of them has any more must go. */
  #isAnew = true;

  constructor(
    private readonly estate: EstateService,
    private readonly alerts: AlertsService,
    private readonly views: StateViews,
    private readonly sampleOf: (node: string) => HostSample | undefined,
  ) {
    this.#lists = new Map(views.collections.map((name) => [name, new Map()]));
    this.#document = this.#compose();
  }

  onApplicationBootstrap(): void {
    this.estate.onChange((change) => this.#changed(change));
    this.alerts.onChange(() => this.#changed('alerts'));
    // What nobody says anything of any more looks otherwise without a change.
    this.#clock = setInterval(() => this.#age(), AGE_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#clock);
    await this.#writing;
  }

  /** Whether the document holds all that there is, and not only what was read so far. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The state as of the last change. */
  get document(): StateDocument {
    return this.#document;
  }

  /** The state once it is whole. Throws `UNAVAILABLE` when that takes longer than a few seconds. */
  async whole(): Promise<StateDocument> {
    for (const until = performance.now() + WHOLE_MS; !this.#ready && performance.now() < until;) await pause(LOOK_MS);
    if (!this.#ready) throw new LapwingError('UNAVAILABLE', 'the state is still being read');
    return this.#document;
  }

  /** Calls `hear` with each new document and the one before. */
  onChange(hear: Listener): void {
    this.#listeners.push(hear);
  }

  #changed(change: Parameters<EstateListener>[0] | 'alerts'): void {
    if (change === 'all') {
      this.#sources.clear();
      this.#generation++;
      this.#isAnew = true;
      this.#dirty.clear();
      for (const { id } of this.estate.targets())
        for (const section of this.views.sections) this.#dirty.add(`${id}:${section}`);
      for (const other of Object.keys(this.views.others)) this.#dirty.add(other);
    } else if (change === 'docker' || change === 'alerts') this.#dirty.add(change);
    else for (const section of this.#affected(change.section)) this.#dirty.add(`${change.target.id}:${section}`);
    this.#schedule();
  }

  #age(): void {
    for (const { id } of this.estate.targets())
      for (const section of this.views.linked) this.#dirty.add(`${id}:${section}`);
    if (this.#dirty.size > 0) this.#schedule();
  }

  #affected(section: SectionName): readonly SectionName[] {
    return section === 'link' ? this.views.linked : [section];
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#rewrite());
    }, SETTLE_MS);
  }

  async #rewrite(): Promise<void> {
    try {
      const isWhole = this.estate.ready;
      const dirty = [...this.#dirty];
      this.#dirty.clear();
      const context = { now: Date.now(), targets: this.estate.targets(), sampleOf: this.sampleOf };
      const affected = new Set<string>();
      const generation = this.#generation;
      for (const source of dirty) {
        const written = await this.#write(source, this.#viewsOf(source, context));
        // Meanwhile everything has changed: what is written here may be of things that are gone, and all is written anew next.
        if (generation !== this.#generation) return;
        for (const name of [...(this.#sources.get(source)?.keys() ?? []), ...written.keys()]) affected.add(name);
        this.#sources.set(source, written);
      }
      this.#gather(this.#isAnew ? new Set(this.views.collections) : affected);
      this.#isAnew = false;
      const before = this.#document;
      this.#document = this.#compose();
      this.#ready ||= isWhole;
      for (const hear of this.#listeners) hear(this.#document, before);
    } catch (error) {
      this.#log.error({ error: describeError(error) }, 'the state could not be written');
    }
  }

  #viewsOf(source: string, context: Parameters<StateViews['ofSection']>[2]): Partial<Record<string, { id: string }[]>> {
    if (source === 'docker' || source === 'alerts') return this.views.others[source]();
    const [id = '', section = ''] = source.split(':');
    const target = this.estate.target(id);
    return target ? this.views.ofSection(target, section as SectionName, context) : {};
  }

  async #write(source: string, views: Partial<Record<string, { id: string }[]>>): Promise<Map<string, Fragments>> {
    const written = new Map<string, Fragments>();
    for (const [name, entities] of Object.entries(views)) {
      const fragments = new Map<string, string>();
      for (const [index, entity] of (entities ?? []).entries()) {
        // Two installations may have things of one id: neither must hide the other.
        fragments.set(`${source}${KEY_END}${entity.id}`, JSON.stringify(entity));
        if (index % PIECE === PIECE - 1) await breathe();
      }
      written.set(name, fragments);
    }
    return written;
  }

  /** Puts together what the sources give to each list; a list that did not change stays the very same. */
  #gather(affected: ReadonlySet<string>): void {
    const lists = new Map<string, Fragments>();
    for (const name of this.views.collections) {
      const before = this.#lists.get(name);
      if (before && !affected.has(name)) {
        lists.set(name, before);
        continue;
      }
      const parts = [...this.#sources.values()].flatMap((source) => source.get(name) ?? []);
      const [only] = parts;
      const merged = parts.length === 1 && only ? only : new Map(parts.flatMap((part) => [...part]));
      lists.set(name, merged);
    }
    this.#lists = lists;
  }

  #compose(): StateDocument {
    const values = Object.entries(this.views.values(this.watchers)).map(([name, value]) => [
      name,
      JSON.stringify(value),
    ]);
    return new StateDocument(this.#version++, this.#lists, Object.fromEntries(values) as Record<string, string>);
  }
}
