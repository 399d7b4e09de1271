import type { Bus } from '@lapwing/bus';
import {
  isAway,
  targetObserved,
  targetSampled,
  type Observation,
  type PayloadOf,
  type PolledFigures,
  type PolledKind,
  type SectionItem,
  type SectionName,
} from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { partsOf } from '../domain/parts.js';
import type { Sink } from '../sources/proxmox/target-source.js';

type Samples = PayloadOf<typeof targetSampled>;

/** What does not move by itself is said again only after so long, so that the stream does not forget it. */
const SAY_AGAIN_MS = 600_000;
const MOVING: readonly SectionName[] = ['nodes', 'guests', 'storages', 'backupServer'];
const MAX_ROWS = 1000;
/** Messages with samples that wait for the bus to come back; the oldest go first. */
const MAX_WAITING = 500;

/** Says what was seen of one target. */
export class Publisher implements Sink {
  readonly #log;
  readonly #said = new Map<SectionName, { text: string; at: number }>();
  readonly #waiting: { payload: Samples; id: string }[] = [];
  #sending: Promise<void> = Promise.resolve();
  #failing = false;

  /** @param mayStill whether this process is the one that speaks for the target. */
  constructor(
    private readonly bus: Bus,
    private readonly targetId: string,
    private readonly mayStill: () => boolean,
  ) {
    this.#log = createLogger('poller', 'publisher');
  }

  observe<S extends SectionName>(section: S, items: SectionItem<S>[]): void {
    const now = Date.now();
    if (!MOVING.includes(section) && !this.#isNews(section, items, now)) return;
    const { parts, dropped } = partsOf<unknown>(items, keyOf);
    if (dropped > 0)
      this.#log.warn({ target: this.targetId, section, dropped }, 'more than anybody can have was left out');
    const observations = parts.map(
      (part, index) =>
        ({ targetId: this.targetId, section, part: index, parts: parts.length, time: now, items: part }) as Observation,
    );
    for (const observation of observations) this.#send(() => this.#say(observation));
  }

  sample(kind: PolledKind, rows: PolledFigures[]): void {
    const time = Date.now();
    for (let at = 0; at < rows.length; at += MAX_ROWS) {
      const payload = { targetId: this.targetId, time, kind, rows: rows.slice(at, at + MAX_ROWS) };
      this.#waiting.push({ payload, id: `${this.targetId}:${kind}:${time}:${at}` });
    }
    this.#waiting.splice(0, this.#waiting.length - MAX_WAITING);
    this.#send(() => this.#sendSamples());
  }

  /** Resolves when what was said is said, or could not be. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  #isNews(section: SectionName, items: unknown[], now: number): boolean {
    const text = JSON.stringify(items);
    const before = this.#said.get(section);
    if (before?.text === text && now - before.at < SAY_AGAIN_MS) return false;
    this.#said.set(section, { text, at: now });
    return true;
  }

  async #say(observation: Observation): Promise<void> {
    if (!this.mayStill()) return;
    const key = `${this.targetId}:${observation.section}:${observation.part}`;
    await this.bus.publish(targetObserved, key, observation);
  }

  async #sendSamples(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined && this.mayStill(); next = this.#waiting[0]) {
      try {
        await this.bus.publish(targetSampled, this.targetId, next.payload, next.id);
      } catch (error) {
        // While the bus is away it waits; what the bus would never take must not keep the rest.
        if (isAway(error)) throw error;
        this.#log.error(
          { error: describeError(error), target: this.targetId },
          'samples that cannot be said are dropped',
        );
      }
      if (this.#waiting[0] === next) this.#waiting.shift();
    }
  }

  /** One after the other; while the bus is away, what is seen meanwhile is seen again later. */
  #send(work: () => Promise<void>): void {
    this.#sending = this.#sending.then(() => this.#attempt(work));
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failing = false;
    } catch (error) {
      this.#said.clear();
      if (!this.#failing) this.#log.warn({ error: describeError(error), target: this.targetId }, 'not said');
      this.#failing = true;
    }
  }
}

/** What tells one item of a section from the others, as far as there is something. */
function keyOf(item: unknown): string {
  const { vmid, volid, upid, name, backupId, createdAt, datastore, devPath, node } = item as Record<string, unknown>;
  return [vmid, volid, upid, name, backupId, createdAt, datastore, devPath, node]
    .filter((part) => typeof part === 'string' || typeof part === 'number')
    .slice(0, 3)
    .join(' ');
}
