import type { Bus } from '@lapwing/bus';
import { isAway, type PayloadOf, type samplesStored } from '@lapwing/contracts';
import { createLogger, describeError } from '@lapwing/telemetry';
import { Pace } from '../domain/pace.js';
import type { Entry, Numbered, Outbox } from '../store/outbox.js';
import type { Freight } from './freight.js';

const ROUND_MS = 1000;
const MAX_DOUBT_MS = 600_000;
/** After so long without a word the next is sent all the same: the store may be away, and the stream keeps it. */
const SETTLE_MS = 2000;
/** After so long a record that could not be sent is tried again. */
const ASIDE_MS = 60_000;

/** Whether a message was sent, or why not: nobody is there, or this message is not taken. */
type Outcome = 'sent' | 'away' | 'refused';

/** What a store says to have. */
type Stored = Omit<PayloadOf<typeof samplesStored>, 'agentId'>;

/**
 * Sends records (samples, batches of lines) and keeps at it until their store has each: live ones at once, one a message; what could not be sent,
 * many a message; what was sent and never confirmed, again, as soon as it is certain that the stream no longer holds it.
 */
export class DeliveryService<Body extends object> {
  readonly #pace = new Pace();
  readonly #log = createLogger('collector', 'delivery');
  readonly #sending = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  /** Records that could not be sent, and until when they are left alone. */
  readonly #aside = new WeakMap<Entry, number>();
  #isCatchingUp = false;
  #stopping = false;
  /** Called when something was confirmed. */
  #heard: (() => void) | undefined;

  /** @param options after how long without a word a record that was sent is asked about, in milliseconds. */
  constructor(
    private readonly bus: Bus,
    private readonly agentId: string,
    private readonly outbox: Pick<
      Outbox<Body, unknown>,
      'waiting' | 'holds' | 'read' | 'confirm' | 'gaps' | 'confirmGaps'
    >,
    private readonly freight: Freight<Body>,
    private readonly options: { doubtAfterMs: number } = { doubtAfterMs: 15_000 },
  ) {}

  /** Begins to send what waits. */
  start(): void {
    this.#timer = setInterval(() => this.#begin(), ROUND_MS).unref();
    // What was taken before there was a connection goes before what is taken next.
    this.bus.connection.whenLinked(() => this.#begin());
    this.bus.connection.whenRelinked(() => this.#begin());
  }

  /** Ends; what waits stays in the outbox. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#round;
  }

  /** Sends a record that was just taken. Never throws: what fails is sent with the next round. */
  async sendLive(record: Numbered<Body>, entry: Entry): Promise<void> {
    if (this.bus.online) await this.#publish([entry], [record]);
  }

  /** Hears what the store has. Never throws: on a full disk it is asked about again. */
  hear(news: Stored): void {
    this.confirmed(news).catch((error: unknown) => {
      this.#log.warn({ error: describeError(error) }, 'what is stored could not be noted');
    });
  }

  /** Notes what the store has. */
  async confirmed({ outbox, ranges, gaps = [] }: Stored): Promise<void> {
    await this.outbox.confirm(outbox, ranges);
    this.#heard?.();
    if (gaps.length > 0) await this.outbox.confirmGaps(gaps);
  }

  #begin(): void {
    if (this.#isCatchingUp || this.#stopping) return;
    this.#isCatchingUp = true;
    this.#round = this.#catchUp().finally(() => (this.#isCatchingUp = false));
  }

  async #catchUp(): Promise<void> {
    // What was sent is asked about whatever becomes of what was not.
    for (const work of [() => this.#sendWaiting(), () => this.#resolveDoubts()])
      try {
        await work();
      } catch (error) {
        if (!this.#stopping && !isAway(error) && this.#pace.isDue)
          this.#log.warn({ error: describeError(error) }, 'sending failed, trying again');
      }
  }

  async #sendWaiting(): Promise<void> {
    for (
      let batch = this.#nextBatch();
      batch.length > 0 && this.bus.online && !this.#stopping;
      batch = this.#nextBatch()
    ) {
      if (!(await this.#sendBatch(batch))) return;
      await this.#settled(batch);
    }
  }

  /** Sends records; one that cannot be read or sent is put aside for a while, and holds none of the others up. False while the bus is away. */
  async #sendBatch(batch: Entry[]): Promise<boolean> {
    let outcome: Outcome = 'refused';
    try {
      outcome = await this.#publish(batch, await this.outbox.read(batch));
    } catch (error) {
      if (this.#pace.isDue) this.#log.warn({ error: describeError(error) }, 'the outbox cannot be read');
    }
    const [only, ...others] = batch;
    if (outcome !== 'refused' || !only) return outcome !== 'away';
    if (others.length === 0) {
      this.#aside.set(only, Date.now() + ASIDE_MS);
      if (this.#pace.isDue)
        this.#log.warn({ outbox: only.outbox, seq: only.seq }, 'a record cannot be sent, and is tried again later');
      return true;
    }
    for (const entry of batch) if (!(await this.#sendBatch([entry]))) return false;
    return true;
  }

  #isAside(entry: Entry): boolean {
    const until = this.#aside.get(entry);
    if (until === undefined || until > Date.now()) return until !== undefined;
    this.#aside.delete(entry);
    return false;
  }

  /** Waits until the store has these, for a while. */
  async #settled(batch: Entry[]): Promise<void> {
    const waits = (): boolean => batch.some((entry) => entry.position !== undefined && this.outbox.holds(entry));
    const until = performance.now() + SETTLE_MS;
    while (waits() && performance.now() < until && !this.#stopping) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        timer = setTimeout(resolve, until - performance.now());
      });
      clearTimeout(timer);
    }
    this.#heard = undefined;
  }

  /** The oldest unsent records of one outbox that fit into a message. */
  #nextBatch(): Entry[] {
    const batch: Entry[] = [];
    let bytes = 0;
    for (const entry of this.outbox.waiting()) {
      if (entry.position !== undefined || this.#sending.has(entry) || this.#isAside(entry)) continue;
      bytes += entry.length;
      const full =
        batch.length >= this.freight.maxRecords ||
        bytes > this.freight.maxBytes ||
        entry.outbox !== (batch[0]?.outbox ?? entry.outbox);
      if (full && batch.length > 0) break;
      batch.push(entry);
    }
    return batch;
  }

  async #publish(entries: Entry[], records: Numbered<Body>[]): Promise<Outcome> {
    const [first] = entries;
    if (!first) return 'sent';
    const gaps = this.outbox.gaps;
    for (const entry of entries) this.#sending.add(entry);
    try {
      // The newest gap is part of the name: after a kill the same records may go out again under the name of a message
      // that the stream has already, and what it takes for a duplicate it drops, with the gap that only this one tells. Its
      // end is part of it, too: a gap grows when the collector ends again before it took a sample.
      const newest = gaps.at(-1);
      const told = newest ? `${newest.from}-${newest.to}` : '';
      const id = `${this.agentId}:${first.outbox}:${first.seq}-${entries.at(-1)?.seq}:${first.attempts}:${told}`;
      const load = { agentId: this.agentId, outbox: first.outbox, records, gaps };
      const { position } = await this.freight.send(this.bus, load, id);
      for (const entry of entries) Object.assign(entry, { position, sentAt: Date.now() });
      return 'sent';
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'not sent, kept in the outbox');
      return isAway(error) ? 'away' : 'refused';
    } finally {
      for (const entry of entries) this.#sending.delete(entry);
    }
  }

  /** Asks about records that were sent long ago and never confirmed. */
  async #resolveDoubts(): Promise<void> {
    const now = Date.now();
    const doubtful: Entry[] = [];
    for (const entry of this.outbox.waiting()) {
      const wait = Math.min(this.options.doubtAfterMs * 2 ** entry.attempts, MAX_DOUBT_MS);
      if (entry.position === undefined || now - (entry.sentAt ?? now) < wait) continue;
      if (doubtful[0] && doubtful[0].outbox !== entry.outbox) break;
      if (doubtful.push(entry) >= 5000) break;
    }
    const [first] = doubtful;
    if (!first || !this.bus.online) return;
    const { stored, handledUpTo, streamEnd } = await this.freight.ask(this.bus, this.agentId, doubtful);
    await this.confirmed({ outbox: first.outbox, ranges: stored });
    for (const entry of doubtful) {
      const position = entry.position ?? 0;
      entry.sentAt = now;
      // Still in the stream and not handled: it will be. Otherwise it was handled without being stored, or the stream lost it.
      if (position > handledUpTo && position <= streamEnd) continue;
      entry.attempts++;
      delete entry.position;
    }
  }
}
