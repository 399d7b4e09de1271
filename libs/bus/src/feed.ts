import {
  LapwingError,
  eventSubject,
  keyOfToken,
  readEvent,
  type EventContract,
  type PayloadOf,
} from '@lapwing/contracts';
import { createLogger, describeError, type Logger } from '@lapwing/telemetry';
import { DeliverPolicy, type Consumer, type ConsumerMessages, type JsMsg, type MsgRequest } from '@nats-io/jetstream';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import type { Bus } from './bus.js';
import type { Link } from './connection.js';
import { isMissing } from './missing.js';

const PIECE_BYTES = 2 ** 15;

/** A message of a feed. */
export interface FeedMessage<T> {
  /** Its place in the stream. */
  position: number;
  /** When the stream got it, milliseconds since 1970. */
  storedAt: number;
  payload: T;
}

/** How a feed differs from one that begins with the last event of every key. */
export interface FeedOptions {
  /** Begins with what comes after this position; where the server loses the stream, with all of the new one. */
  after?: number;
  /** Whether events about this key are wanted: others are passed over without being read. */
  wants?: (key: string) => boolean;
  /** Bytes of messages that wait to be heard, at most; 1000 messages where it is left out. At least 8 MiB, so that any message fits. */
  maxBytes?: number;
}

/**
 * Follows the events of a stream as they come, without a trace on the server: first the last one of every key, then all
 * new ones, each exactly once and in order, across reconnects. When the server has lost the stream, it begins anew.
 * Where hearing gives a promise, the next event comes when it is kept.
 */
export class EventFeed<C extends EventContract> {
  readonly #log: Logger;
  #position = 0;
  /** Where to go back to; what is on the way until then is passed over. */
  #rewound: number | undefined;
  /** When the stream that is followed was made. */
  #streamMade: string | undefined;
  #consumer: Consumer | undefined;
  #messages: ConsumerMessages | undefined;
  /** The newest message that was heard, as its consumer counts. */
  #heard = { consumer: '', count: 0 };
  #stopping = false;
  #running: Promise<void> | undefined;
  #forgetLink: (() => void) | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly contract: C,
    private readonly hear: (message: FeedMessage<PayloadOf<C>>) => unknown,
    private readonly options: FeedOptions = {},
  ) {
    this.#log = createLogger(bus.options.service, 'feed');
    this.#position = options.after ?? 0;
  }

  /** The position of the newest message that was heard, or is being heard; before the first, the one after which it begins, or 0. */
  get position(): number {
    return this.#position;
  }

  /** Whether all that comes from now on will be heard. */
  get isFollowing(): boolean {
    return this.#messages !== undefined && this.#rewound === undefined;
  }

  /**
   * How many messages are in the stream that were not heard yet, those that are here already included.
   * @throws LapwingError `UNAVAILABLE` while it does not follow.
   */
  async behind(): Promise<number> {
    if (!this.bus.online || !this.#consumer || !this.isFollowing)
      throw new LapwingError('UNAVAILABLE', `"${this.contract.name}" is not followed now`);
    const { name, num_pending: pending, delivered } = await this.#consumer.info().catch(askAgainLater);
    // A consumer that was made anew counts from the beginning.
    const heard = this.#heard.consumer === name ? this.#heard.count : 0;
    return pending + Math.max(0, delivered.consumer_seq - heard);
  }

  /** Hears again what came after a position; all of it anew, beginning with the last of every key, where that is 0. */
  rewind(position: number): void {
    this.#rewound = position;
    this.#messages?.stop();
  }

  /** Begins as soon as the bus is there. */
  start(): void {
    this.bus.connection.whenLinked((link) => {
      this.#running ??= this.#follow(link);
    });
    this.#forgetLink ??= this.bus.connection.whenRelinked(() => this.#messages?.stop());
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#forgetLink?.();
    this.#messages?.stop();
    await this.#running;
    // Where it cannot be deleted now, the server forgets it after a while.
    if (this.bus.online) this.#consumer?.delete().catch(() => {});
  }

  async #follow(link: Link): Promise<void> {
    while (!this.#stopping) {
      try {
        const messages = await this.#open(link);
        this.#messages = messages;
        // Whoever ended it or sent it back while it was being opened had nothing to stop yet.
        if (this.#stopping || this.#rewound !== undefined) messages.stop();
        await this.#readAll(messages);
      } catch (error) {
        if (!this.#stopping) this.#log.warn({ error: describeError(error) }, 'following failed, trying again');
      }
      if (!this.#stopping) await pause(100);
    }
  }

  /** What has come already is read in pieces that leave room for other work. */
  async #readAll(messages: ConsumerMessages): Promise<void> {
    let bytes = 0;
    for await (const message of messages) {
      await this.#receive(message);
      bytes += message.data.length;
      if (bytes < PIECE_BYTES) continue;
      bytes = 0;
      await breathe();
    }
  }

  async #open(link: Link): Promise<ConsumerMessages> {
    const stream = this.contract.stream ?? '';
    const { state, created } = await link.manager.streams.info(stream);
    this.#position = this.#rewound ?? this.#position;
    this.#rewound = undefined;
    const isAnother = this.#streamMade !== undefined && this.#streamMade !== created;
    if (isAnother || state.last_seq < this.#position) this.#position = 0;
    this.#streamMade = created;
    const start =
      this.#position > 0 || this.options.after !== undefined
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#position + 1 }
        : { deliver_policy: DeliverPolicy.LastPerSubject };
    const filter = { filter_subjects: eventSubject(this.contract, '*') };
    this.#consumer = await link.js.consumers.get(stream, { ...filter, ...start });
    const { maxBytes } = this.options;
    return this.#consumer.consume(maxBytes === undefined ? { max_messages: 1000 } : { max_bytes: maxBytes });
  }

  async #receive(message: JsMsg): Promise<void> {
    if (this.#rewound !== undefined || this.#stopping) return;
    this.#position = message.seq;
    this.#heard = { consumer: message.info.consumer, count: message.info.deliverySequence };
    const { wants } = this.options;
    if (wants && !wants(keyOfToken(message.subject.slice(this.contract.name.length + 1)))) return;
    const payload = decode(this.contract, message);
    if (payload !== undefined) await this.hear({ position: message.seq, storedAt: message.time.getTime(), payload });
  }
}

/**
 * Reads what a stream still holds, in order, from one position up to another, both included.
 * @param key whom the events must be about; `*` for everyone.
 */
export async function* readStream<C extends EventContract>(
  bus: Bus,
  contract: C,
  key: string,
  range: { from: number; to: number },
): AsyncGenerator<FeedMessage<PayloadOf<C>>> {
  const { manager } = bus.connection.link();
  const subject = eventSubject(contract, key);
  for (let position = range.from; position <= range.to;) {
    // The server knows this query; the client's type lists it for the direct API only, which may ask a replica that lags.
    const query = { seq: position, next_by_subj: subject } as MsgRequest;
    const message = await manager.streams.getMessage(contract.stream ?? '', query);
    if (!message || message.seq > range.to) return;
    position = message.seq + 1;
    const payload = decode(contract, message);
    if (payload !== undefined) yield { position: message.seq, storedAt: message.time.getTime(), payload };
  }
}

/**
 * The newest event about one thing that its stream holds; undefined when there is none.
 * @throws LapwingError `UNAVAILABLE` while the bus is away.
 */
export async function lastOf<C extends EventContract>(
  bus: Bus,
  contract: C,
  key: string,
): Promise<PayloadOf<C> | undefined> {
  const { manager } = bus.connection.link();
  const query = { last_by_subj: eventSubject(contract, key) };
  const message = await manager.streams.getMessage(contract.stream ?? '', query).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  return message ? decode(contract, message) : undefined;
}

/**
 * The positions that a stream still holds.
 * @throws LapwingError `UNAVAILABLE` while the bus is away.
 */
export async function streamBounds(bus: Bus, contract: EventContract): Promise<{ first: number; last: number }> {
  const { state } = await bus.connection.link().manager.streams.info(contract.stream ?? '');
  return { first: state.first_seq, last: state.last_seq };
}

/**
 * How far a durable consumer has come.
 * @returns the position up to which every message was handled, and the newest position of the stream.
 */
export async function consumerProgress(
  bus: Bus,
  contract: EventContract,
  durable: string,
): Promise<{ handledUpTo: number; streamEnd: number }> {
  const { manager } = bus.connection.link();
  const stream = contract.stream ?? '';
  const [consumer, { state }] = await Promise.all([
    manager.consumers.info(stream, durable),
    manager.streams.info(stream),
  ]);
  return { handledUpTo: consumer.ack_floor.stream_seq, streamEnd: state.last_seq };
}

/**
 * How many messages a durable consumer has still to handle: those that wait, and those that are being handled.
 * @throws LapwingError `UNAVAILABLE` while the bus is away, or the consumer was not made yet.
 */
export async function waitingFor(bus: Bus, contract: EventContract, durable: string): Promise<number> {
  const { manager } = bus.connection.link();
  const info = await manager.consumers.info(contract.stream ?? '', durable).catch(askAgainLater);
  return info.num_pending + info.num_ack_pending;
}

function askAgainLater(error: unknown): never {
  throw new LapwingError('UNAVAILABLE', 'JetStream did not say how a consumer stands', {
    reason: describeError(error).message,
  });
}

/** A malformed event is somebody else's to bury (the durable consumers'); a feed passes over it. */
function decode<C extends EventContract>(
  contract: C,
  message: Pick<JsMsg, 'subject' | 'string'>,
): PayloadOf<C> | undefined {
  const read = readEvent(contract, message.subject, message.string());
  return 'payload' in read ? read.payload : undefined;
}
