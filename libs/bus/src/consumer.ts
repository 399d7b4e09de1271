import { LapwingError, eventSubject, readEvent, type EventContract, type PayloadOf } from '@lapwing/contracts';
import {
  SpanKind,
  counter,
  createLogger,
  describeError,
  gauge,
  inSpan,
  linkTo,
  tracedHistogram,
  type Logger,
} from '@lapwing/telemetry';
import { AckPolicy, type Consumer, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import type { Bus } from './bus.js';
import type { Link } from './connection.js';
import { messageAttributes } from './bus-metrics.js';
import { buryMessage, watchExhausted } from './dead-letters.js';
import { sentAt, traceOf } from './headers.js';
import { isMissing } from './missing.js';

/** How a durable consumer takes its messages. */
export interface ConsumerOptions {
  /** Its name on the server: replicas of a service share it. */
  durable: string;
  /** Messages handed over at once, at most. */
  maxBatch?: number;
  /** Batches that may be handled at the same time; more than one gives up the order of messages. */
  concurrency?: number;
  /** Deliveries of one message before it is buried in `DEAD`. */
  maxDeliver?: number;
  /** Silence after which the server gives a message to somebody else, in milliseconds. */
  ackWaitMs?: number;
}

/** A message of a batch. */
export interface Delivery<T> {
  payload: T;
  /** Its place in the stream. */
  position: number;
  /** When it was sent, milliseconds since 1970. */
  sentAt: number | undefined;
}

type Held<T> = { message: JsMsg; delivery: Delivery<T> };

const handled = counter<'durable' | 'outcome'>({
  name: 'lapwing_bus_messages_total',
  help: 'Messages by what became of them: handled, retried or dead',
  labelNames: ['durable', 'outcome'],
});
const lag = gauge<'durable'>({
  name: 'lapwing_bus_consumer_lag',
  help: 'Messages that wait in the stream for this consumer',
  labelNames: ['durable'],
});
const redelivered = gauge<'durable'>({
  name: 'lapwing_bus_consumer_redelivered',
  help: 'Messages that wait for this consumer and were delivered before',
  labelNames: ['durable'],
});
const handleSeconds = tracedHistogram<'durable'>({
  name: 'lapwing_bus_handle_seconds',
  help: 'How long a batch of messages was worked on',
  labelNames: ['durable'],
});
/** Traces beside the first that the span of a batch names. */
const MAX_LINKS = 32;

/** What may wait in this process, and what is handed over at once: bounds on memory and on the time that one batch takes. */
const MAX_HELD_BYTES = 2 ** 25;
const MAX_BATCH_BYTES = 2 ** 20;
const PIECE_BYTES = 2 ** 17;
/** A server cuts a connection for which more than 64 MB wait, and a message may have 1 MB. */
const MAX_FETCH = 60;
/** A pull's length. Half of it is the heartbeat, two of which may be missed: a shorter one would be given up under load. */
const PULL_MS = 2000;
const SILENCE_MS = 100;
const RETRY_MS = [100, 250, 500, 1000, 2000, 5000];
const LAG_EVERY_MS = 5000;

/**
 * Takes messages of a stream through a durable pull consumer and hands them over in batches. While one batch is handled
 * the next gathers, so batches are small when little comes and large when much does. Back-pressure: it pulls only what
 * fits into two batches and 32 MiB.
 */
export class EventConsumer<C extends EventContract> {
  readonly #log: Logger;
  readonly #options: Required<ConsumerOptions>;
  readonly #held = new Set<JsMsg>();
  readonly #queue: JsMsg[] = [];
  #queuedBytes = 0;
  /** The largest message of the last pull: what the next may bring. */
  #largest = 0;
  #messages: ConsumerMessages | undefined;
  #lastAt = 0;
  readonly #sleeping: (() => void)[] = [];
  readonly #stop = new AbortController();
  #pulling: Promise<void> | undefined;
  #working: Promise<void>[] = [];
  #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly contract: C,
    options: ConsumerOptions,
    private readonly handle: (batch: Delivery<PayloadOf<C>>[]) => Promise<void>,
  ) {
    this.#options = { maxBatch: 1000, concurrency: 1, maxDeliver: 10, ackWaitMs: 30_000, ...options };
    this.#log = createLogger(bus.options.service, `consumer ${options.durable}`);
  }

  /** Begins as soon as the bus is there. */
  start(): void {
    for (const outcome of ['handled', 'retried', 'dead']) handled.inc({ durable: this.#options.durable, outcome }, 0);
    this.bus.connection.whenLinked((link) => {
      if (this.#stop.signal.aborted) return;
      this.#pulling = this.#pull(link);
      this.#working = Array.from({ length: this.#options.concurrency }, (_, index) => this.#work(link, index > 0));
      watchExhausted(link, this.contract, this.#options.durable, this.#log);
      this.#timers.push(setInterval(() => this.#keep(), this.#options.ackWaitMs / 3).unref());
      this.#timers.push(setInterval(() => void this.#measureLag(link), LAG_EVERY_MS).unref());
    });
  }

  /** Takes no more, finishes what it is at, and gives back what it had not begun. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const wake of this.#sleeping.splice(0)) wake();
    // A pull that is under way ends by itself; one that waits in silence is ended, because nothing of it is on the wire.
    if (performance.now() - this.#lastAt > SILENCE_MS) this.#messages?.stop();
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([this.#pulling, ...this.#working]);
    for (const message of this.#held) message.nak();
    this.#held.clear();
  }

  async #pull(link: Link): Promise<void> {
    const { maxBatch } = this.#options;
    let consumer: Consumer | undefined;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const room = Math.min(2 * maxBatch - this.#queue.length, this.#roomFor());
      if (this.#queue.length >= maxBatch || room < 1) {
        await this.#pause(5);
        continue;
      }
      try {
        consumer ??= await this.#ensure(link);
        // fetch, not consume: what is on the wire when consume stops is lost to this process until the acknowledgement wait is over
        this.#messages = await consumer.fetch({ max_messages: Math.min(room, MAX_FETCH), expires: PULL_MS });
        this.#largest = 0;
        for await (const message of this.#messages) this.#receive(message);
        failures = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (isMissing(error) || failures > 2) consumer = undefined;
        if (failures++ % 20 === 0) this.#log.warn({ error: describeError(error) }, 'pulling failed, trying again');
        await this.#pause(250);
      }
    }
  }

  /** How many messages of the size that came last still fit. */
  #roomFor(): number {
    return Math.floor((MAX_HELD_BYTES - this.#queuedBytes) / Math.max(this.#largest, 1));
  }

  async #ensure(link: Link): Promise<Consumer> {
    const { durable, maxDeliver, ackWaitMs, maxBatch, concurrency } = this.#options;
    const stream = streamOf(this.contract);
    const wanted = {
      filter_subject: eventSubject(this.contract, '>'),
      max_deliver: maxDeliver,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: 20 * maxBatch * concurrency,
    };
    try {
      await link.manager.consumers.info(stream, durable);
      await link.manager.consumers.update(stream, durable, wanted);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await link.manager.consumers.add(stream, { durable_name: durable, ack_policy: AckPolicy.Explicit, ...wanted });
    }
    return link.js.consumers.get(stream, durable);
  }

  #receive(message: JsMsg): void {
    const bytes = message.data.length;
    this.#lastAt = performance.now();
    this.#held.add(message);
    this.#queue.push(message);
    this.#queuedBytes += bytes;
    this.#largest = Math.max(this.#largest, bytes);
    for (const wake of this.#sleeping.splice(0)) wake();
  }

  /** @param helps takes full batches only, so that it does not make two small ones out of what would be one. */
  async #work(link: Link, helps: boolean): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (helps ? !this.#isFull() : this.#queue.length === 0) {
        await new Promise<void>((resolve) => this.#sleeping.push(resolve));
        continue;
      }
      const batch = await this.#read(link, this.#nextBatch());
      if (batch.length > 0) await this.#deliver(link, batch);
    }
  }

  /** Reads messages, in pieces that leave room for other work; what follows no contract is buried. */
  async #read(link: Link, messages: JsMsg[]): Promise<Held<PayloadOf<C>>[]> {
    const batch: Held<PayloadOf<C>>[] = [];
    let bytes = 0;
    for (const message of messages) {
      const parsed = readEvent(this.contract, message.subject, message.string());
      if ('reason' in parsed) await this.#bury(link, message, parsed.reason);
      else batch.push({ message, delivery: { ...parsed, position: message.seq, sentAt: sentAt(message.headers) } });
      bytes += message.data.length;
      if (bytes < PIECE_BYTES) continue;
      bytes = 0;
      await breathe();
    }
    await breathe();
    return batch;
  }

  #isFull(): boolean {
    return this.#queue.length >= this.#options.maxBatch || this.#queuedBytes >= MAX_BATCH_BYTES;
  }

  /** The oldest messages, as many as make a batch; always one. */
  #nextBatch(): JsMsg[] {
    let bytes = 0;
    let count = 0;
    for (const { data } of this.#queue) {
      if (count >= this.#options.maxBatch || (count > 0 && bytes + data.length > MAX_BATCH_BYTES)) break;
      bytes += data.length;
      count++;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  async #deliver(link: Link, batch: Held<PayloadOf<C>>[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    for (let attempt = 0; !this.#stop.signal.aborted || attempt === 0; attempt++) {
      try {
        await this.#handle(first, batch);
        for (const { message } of batch) this.#settle(message, () => message.ack());
        handled.inc({ durable: this.#options.durable, outcome: 'handled' }, batch.length);
        return;
      } catch (error) {
        if (!(error instanceof LapwingError && error.code === 'UNAVAILABLE')) return this.#divide(link, batch, error);
        if (attempt % 20 === 0)
          this.#log.warn({ error: describeError(error), waiting: this.#held.size }, 'waiting to store');
        await this.#pause(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 1000);
      }
    }
  }

  /** A batch belongs to the trace of its first message, and is linked with those of others. */
  async #handle(first: Held<PayloadOf<C>>, batch: Held<PayloadOf<C>>[]): Promise<void> {
    const { durable } = this.#options;
    const others = batch.slice(1, 1 + MAX_LINKS).map(({ message }) => linkTo(traceOf(message.headers)));
    const options = {
      kind: SpanKind.CONSUMER,
      parent: traceOf(first.message.headers),
      links: others.flatMap((one) => one ?? []),
      attributes: {
        ...messageAttributes({ type: 'process', name: 'handle' }, this.contract),
        'messaging.consumer.group.name': durable,
        'messaging.batch.message_count': batch.length,
      },
    };
    await inSpan(`handle ${this.contract.name}`, options, async (span) => {
      const begun = performance.now();
      try {
        await this.handle(batch.map((held) => held.delivery));
      } finally {
        handleSeconds.observe({ durable }, (performance.now() - begun) / 1000, span);
      }
    });
  }

  /** Looks for the message that is to blame by trying the halves. */
  async #divide(link: Link, batch: Held<PayloadOf<C>>[], error: unknown): Promise<void> {
    const [only] = batch;
    if (batch.length === 1 && only) return this.#fail(link, only.message, error);
    const middle = Math.ceil(batch.length / 2);
    await this.#deliver(link, batch.slice(0, middle));
    await this.#deliver(link, batch.slice(middle));
  }

  async #fail(link: Link, message: JsMsg, error: unknown): Promise<void> {
    const { durable, maxDeliver } = this.#options;
    const last = message.info.deliveryCount >= maxDeliver;
    this.#log.error({ error: describeError(error), position: message.seq, last }, 'a message could not be handled');
    if (last) return this.#bury(link, message, describeError(error).message);
    this.#settle(message, () => message.nak(RETRY_MS[Math.min(message.info.deliveryCount, RETRY_MS.length) - 1]));
    handled.inc({ durable, outcome: 'retried' });
  }

  async #bury(link: Link, message: JsMsg, reason: string): Promise<void> {
    try {
      await buryMessage(link, message, this.#options.durable, reason);
      // Without the reason: servers older than 2.10 take a termination with one for nothing and deliver again.
      this.#settle(message, () => message.term());
      handled.inc({ durable: this.#options.durable, outcome: 'dead' });
      this.#log.warn({ subject: message.subject, position: message.seq, reason }, 'a message was buried in DEAD');
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'a message could not be buried, it will come again');
      this.#settle(message, () => message.nak(1000));
    }
  }

  #settle(message: JsMsg, settle: () => void): void {
    this.#held.delete(message);
    settle();
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  /** Tells the server that the messages held here are still being worked on. */
  #keep(): void {
    for (const message of this.#held) message.working();
  }

  async #measureLag(link: Link): Promise<void> {
    try {
      const info = await link.manager.consumers.info(streamOf(this.contract), this.#options.durable);
      const { durable } = this.#options;
      lag.set({ durable }, info.num_pending + info.num_ack_pending);
      redelivered.set({ durable }, info.num_redelivered);
    } catch {
      // the next look finds it, or the log says that NATS is away
    }
  }
}

function streamOf(contract: EventContract): string {
  if (!contract.stream) throw new Error(`${contract.name} is transient and cannot be consumed durably`);
  return contract.stream;
}
