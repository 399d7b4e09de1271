import { createLogger, describeError, gauge, type Logger } from '@lapwing/telemetry';
import { Kvm, type KV } from '@nats-io/kv';
import type { Bus } from './bus.js';
import type { Link } from './connection.js';
import type { Ground } from './ground.js';
import { LEASES, LEASES_STREAM } from './lease-bucket.js';

const RENEW_MS = 3000;
/** So long its holder relies on it: earlier than others may claim it, whatever a pause of the process did to its timers. */
const SURE_MS = 9000;

/** Whoever holds leases in this process. */
const everybody = new Set<{ group: string; held: () => string[] }>();

gauge<'group'>({
  name: 'lapwing_leases_held',
  help: 'Leases that this process holds: pieces of work that have one owner at a time',
  labelNames: ['group'],
  collect() {
    for (const { group, held } of everybody) this.set({ group }, held().length);
  },
});

interface Held {
  revision: number;
  /** By the monotonic clock, from before the renewal was sent. */
  renewedAt: number;
}

/**
 * Claims work that must have one owner at a time. A lease is a key in a bucket whose entries end after twelve seconds: its holder renews it,
 * and whoever finds it gone may claim it. Within {@link SURE_MS} after a renewal nobody else can hold it.
 */
export class Leases {
  readonly #log: Logger;
  readonly #held = new Map<string, Held>();
  #bucket: Promise<KV> | undefined;
  #link: Link | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #reachedAt = Number.NEGATIVE_INFINITY;
  readonly #shown;
  #isOver = false;

  /**
   * @param group what the holders have in common, e.g. `poller`; holders of a group know how many they are.
   * @param holder names this process.
   * @param ground without which it does no work: until that is ready it is no holder, and others have its share.
   */
  constructor(
    private readonly bus: Bus,
    private readonly group: string,
    readonly holder: string,
    private readonly ground?: Ground,
  ) {
    this.#log = createLogger(bus.options.service, 'leases');
    this.#shown = { group, held: () => this.held() };
  }

  /** Begins to renew, as soon as the ground and the bus are there. */
  start(): void {
    everybody.add(this.#shown);
    if (this.ground) this.ground.whenReady(() => this.#begin());
    else this.#begin();
  }

  #begin(): void {
    this.bus.connection.whenLinked((link) => {
      if (this.#isOver) return;
      this.#link = link;
      this.#renewing = this.#renewAll();
      this.#timer = setInterval(() => {
        this.#renewing = this.#renewing.then(() => this.#renewAll());
      }, RENEW_MS).unref();
    });
  }

  /** Gives all back. */
  async stop(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    everybody.delete(this.#shown);
    await this.#renewing;
    await Promise.all([...this.#held.keys()].map((name) => this.release(name)));
    await this.#leave();
  }

  /** From now on the others divide the work without this one. */
  async #leave(): Promise<void> {
    if (!this.#link || !this.bus.online) return;
    try {
      await (await this.#open(this.#link)).delete(`${this.group}.${this.holder}`);
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'a holder could not say that it leaves');
    }
  }

  /** Whether leases can be had at present: where they cannot, nobody does the work that they stand for. */
  get areThere(): boolean {
    return performance.now() - this.#reachedAt < SURE_MS;
  }

  /** The names of the leases that are surely held now. */
  held(): string[] {
    return [...this.#held.keys()].filter((name) => this.holds(name));
  }

  /** Whether nobody else can hold the lease now. */
  holds(name: string): boolean {
    const held = this.#held.get(name);
    return held !== undefined && performance.now() - held.renewedAt < SURE_MS;
  }

  /** How many holders of the group there are, this one counted. Throws when NATS does not tell. */
  async holders(): Promise<number> {
    if (!this.#link) return 1;
    const prefix = `$KV.${LEASES}.`;
    const info = await this.#link.manager.streams.info(LEASES_STREAM, {
      subjects_filter: `${prefix}${this.group}.>`,
    });
    const bucket = await this.#open(this.#link);
    // Of one that has left a mark stays until it would have ended by itself.
    const names = Object.keys(info.state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
    const entries = await Promise.all(names.map((name) => bucket.get(name)));
    return Math.max(entries.filter((entry) => entry?.operation === 'PUT').length, 1);
  }

  /** Tries to get a lease. Returns whether it is held now. */
  async claim(name: string): Promise<boolean> {
    if (this.holds(name)) return true;
    if (!this.#link || !this.bus.online) return false;
    const renewedAt = performance.now();
    try {
      const revision = await (await this.#open(this.#link)).create(name, this.holder);
      this.#held.set(name, { revision, renewedAt });
      return true;
    } catch {
      // somebody else has it, or NATS is away: both mean no
      return false;
    }
  }

  /** Gives a lease back, so that others need not wait for its end. */
  async release(name: string): Promise<void> {
    const held = this.#held.get(name);
    this.#held.delete(name);
    if (!held || !this.#link || !this.bus.online) return;
    try {
      await (await this.#open(this.#link)).delete(name, { previousSeq: held.revision });
    } catch (error) {
      this.#log.debug({ error: describeError(error), name }, 'a lease could not be given back, it ends by itself');
    }
  }

  #open(link: Link): Promise<KV> {
    this.#bucket ??= new Kvm(link.js).open(LEASES, { allow_direct: true });
    this.#bucket.catch(() => (this.#bucket = undefined));
    return this.#bucket;
  }

  async #renewAll(): Promise<void> {
    if (!this.#link || !this.bus.online) return;
    try {
      const bucket = await this.#open(this.#link);
      await bucket.put(`${this.group}.${this.holder}`, '');
      this.#reachedAt = performance.now();
      await Promise.all([...this.#held].map(([name, held]) => this.#renew(bucket, name, held)));
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'leases could not be renewed');
    }
  }

  async #renew(bucket: KV, name: string, held: Held): Promise<void> {
    const renewedAt = performance.now();
    try {
      const revision = await bucket.update(name, this.holder, held.revision);
      if (this.#held.get(name) === held) this.#held.set(name, { revision, renewedAt });
    } catch (error) {
      if (this.#held.get(name) !== held || this.holds(name)) return;
      this.#held.delete(name);
      this.#log.warn({ error: describeError(error), name }, 'a lease was lost');
    }
  }
}
