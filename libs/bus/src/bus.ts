import {
  LapwingError,
  commandSubject,
  eventSubject,
  inquirySubject,
  onlyReads,
  keyOfToken,
  readEvent,
  type Asked,
  type CommandContract,
  type EventContract,
  type InputOf,
  type InquiryContract,
  type OutputOf,
  type PayloadOf,
  type QuestionOf,
  type RequestContract,
} from '@lapwing/contracts';
import { SpanKind, createLogger, describeError, failSpan, inSpan } from '@lapwing/telemetry';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { NoRespondersError, RequestError, TimeoutError, createInbox, type Msg } from '@nats-io/transport-node';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Answers } from './answers.js';
import { BusConnection, type BusOptions, type Link } from './connection.js';
import { isFault, messageAttributes, timePublish, timeRequest } from './bus-metrics.js';
import { gather, type Gathering } from './gather.js';
import { inboxOf } from './permissions.js';
import { errorAnswer, outgoingHeaders, throwIfError, traceOf } from './headers.js';
import { within } from './within.js';

/** Where a stream put a message. */
export interface Published {
  /** The message's place in the stream: grows by one with each message. */
  position: number;
}

const MAX_ASKED_AT_ONCE = 2;
/** How soon a question that nobody heard is asked again. */
const NEXT_REPLICA_MS = 250;
/** How long a service that stops may take over what it was asked before: a second longer than most who ask wait. */
const ANSWER_MS = 6000;

/** How questions are answered. */
interface Serving<C extends Asked> {
  /** The group of which one member answers; everyone does where it is left out. */
  queue?: string;
  answer: (input: InputOf<C>, subject: string) => Promise<OutputOf<C>>;
  /** Under what the answer may go; any inbox where it is left out. */
  inbox?: (subject: string) => string;
}

/** Whether payloads are checked before they are sent, too: in tests and development. */
const checksOutgoing = process.env['NODE_ENV'] !== 'production';

/** Speaks to the other services: publishes events, asks requests, gives commands, and answers them. */
export class Bus implements OnModuleInit, OnApplicationShutdown {
  readonly connection: BusConnection;
  readonly #log;
  readonly #answers = new Answers();
  /** How many questions of an agent are being answered. */
  readonly #asking = new Map<string, number>();

  constructor(readonly options: BusOptions) {
    this.connection = new BusConnection(options);
    this.#log = createLogger(options.service, 'bus');
  }

  onModuleInit(): void {
    this.connection.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connection.stop();
  }

  /**
   * Is asked nothing more, and answers what was asked already; then others are asked. Resolves when all is answered, at the latest after {@link ANSWER_MS}.
   * Everything else goes on.
   */
  async stopAnswering(): Promise<void> {
    // Without a server nobody asks, and nobody can be answered.
    await this.#answers.stop(this.online ? ANSWER_MS : 0);
  }

  /** Calls `use` as soon as nobody asks any more, while the last questions are still being answered. */
  whenUnasked(use: () => void): void {
    this.#answers.whenUnasked(use);
  }

  /** Whether messages can be sent now. */
  get online(): boolean {
    return this.connection.online;
  }

  /**
   * Publishes an event that a stream keeps; resolves when the stream has it.
   * @param key whom or what the event is about: the last token of the subject.
   * @param messageId the same id within two minutes is kept once.
   * @throws LapwingError `UNAVAILABLE` when the bus is away or does not answer within 5 s.
   */
  async publish<C extends EventContract>(
    contract: C,
    key: string,
    payload: PayloadOf<C>,
    messageId?: string,
  ): Promise<Published> {
    const subject = eventSubject(contract, key);
    if (checksOutgoing) contract.schema.parse(payload);
    const link = this.connection.link();
    const data = encode(link, payload, contract.name);
    const attributes = messageAttributes({ type: 'send', name: 'publish' }, contract, link);
    const send = async (): Promise<Published> => {
      try {
        const headers = outgoingHeaders();
        const options = { headers, timeout: 5000, ...(messageId && { msgID: messageId }) };
        const ack = await link.js.publish(subject, data, options);
        return { position: ack.seq };
      } catch (error) {
        throw unavailable(error, `"${contract.name}" could not be published`);
      }
    };
    return inSpan(`publish ${contract.name}`, { kind: SpanKind.PRODUCER, attributes }, (span) =>
      timePublish(this.options.service, contract, span, send),
    );
  }

  /** Publishes a transient event: who listens now hears it, nobody else. Silently dropped while the bus is away. */
  announce<C extends EventContract>(contract: C, key: string, payload: PayloadOf<C>): void {
    if (checksOutgoing) contract.schema.parse(payload);
    if (!this.online) return;
    const link = this.connection.link();
    link.connection.publish(eventSubject(contract, key), encode(link, payload, contract.name), {
      headers: outgoingHeaders(),
    });
  }

  /**
   * Asks a service. What only reads is asked once more where nobody was there: a service of one replica is away for a moment while that is replaced.
   * @throws LapwingError with the service's own code; `UNAVAILABLE` when nobody is there, `TIMEOUT` when nobody answered.
   */
  request<C extends RequestContract>(contract: C, question: QuestionOf<C>): Promise<OutputOf<C>> {
    return this.#ask(contract, contract.name, question);
  }

  /** Gives a command to a host. Errors as those of {@link request}. */
  command<C extends CommandContract>(contract: C, agentId: string, question: QuestionOf<C>): Promise<OutputOf<C>> {
    return this.#ask(contract, commandSubject(contract, agentId), question);
  }

  /** Asks a service as an agent. Errors as those of {@link request}. */
  inquire<C extends InquiryContract>(contract: C, agentId: string, question: QuestionOf<C>): Promise<OutputOf<C>> {
    return this.#ask(contract, inquirySubject(contract, agentId), question);
  }

  /**
   * Asks all replicas of a service that answer each for itself, see {@link respondEach}.
   * @returns what came in time and as the contract says; nothing where nobody is there.
   * @throws LapwingError `UNAVAILABLE` while the bus is away.
   */
  async requestAll<C extends RequestContract>(
    contract: C,
    question: QuestionOf<C>,
    gathering: Gathering<OutputOf<C>>,
  ): Promise<OutputOf<C>[]> {
    const link = this.connection.link();
    const data = encode(link, question, contract.name);
    const inbox = createInbox(inboxOf('service', this.options.service));
    const read = (message: Msg): OutputOf<C>[] => {
      const parsed = contract.output.safeParse(safeJson(message.string()));
      return parsed.success ? [parsed.data as OutputOf<C>] : [];
    };
    const attributes = messageAttributes({ type: 'send', name: 'ask' }, contract, link);
    return inSpan(`ask all ${contract.name}`, { kind: SpanKind.CLIENT, attributes }, () =>
      gather({ link, subject: contract.name, data, inbox }, read, gathering),
    );
  }

  /** The version of the NATS server; undefined while there is no connection. */
  get serverVersion(): string | undefined {
    return this.online ? this.connection.link().connection.info?.version : undefined;
  }

  /**
   * How long it takes to NATS and back, in milliseconds: whether it answers now, and not only whether the connection was never cut.
   * @throws LapwingError `UNAVAILABLE` when the bus is away, `TIMEOUT` when it does not answer in time.
   */
  async roundTrip(waitMs: number): Promise<number> {
    const back = this.connection.link().connection.rtt();
    try {
      return await within(back, waitMs, 'NATS');
    } catch (error) {
      throw unavailable(error, 'NATS is away');
    }
  }

  async #ask<C extends Asked>(contract: C, subject: string, question: QuestionOf<C>): Promise<OutputOf<C>> {
    const link = this.connection.link();
    const data = encode(link, question, contract.name);
    const attributes = messageAttributes({ type: 'send', name: 'ask' }, contract, link);
    const send = (): Promise<Msg> =>
      link.connection.request(subject, data, { timeout: contract.deadlineMs, headers: outgoingHeaders() });
    const ask = async (): Promise<OutputOf<C>> => {
      let answer: Msg;
      try {
        answer = await send().catch(async (error: unknown) => {
          if (!onlyReads(contract) || !isNobody(error)) throw error;
          await pause(NEXT_REPLICA_MS);
          return send();
        });
      } catch (error) {
        throw unavailable(error, `nobody answers "${contract.name}"`);
      }
      throwIfError(answer);
      return contract.output.parse(answer.json()) as OutputOf<C>;
    };
    return inSpan(`ask ${contract.name}`, { kind: SpanKind.CLIENT, attributes, isFault }, (span) =>
      timeRequest(this.options.service, contract, span, ask),
    );
  }

  /** Answers a request, together with the other members of the service's queue group. */
  respond<C extends RequestContract>(contract: C, answer: (input: InputOf<C>) => Promise<OutputOf<C>>): void {
    this.#serve(contract, contract.name, { queue: this.options.service, answer });
  }

  /** Answers a request for this replica alone, beside all others: see {@link requestAll}. */
  respondEach<C extends RequestContract>(contract: C, answer: (input: InputOf<C>) => Promise<OutputOf<C>>): void {
    this.#serve(contract, contract.name, { answer });
  }

  /** Answers a command to one host. */
  respondAs<C extends CommandContract>(
    contract: C,
    agentId: string,
    answer: (input: InputOf<C>) => Promise<OutputOf<C>>,
  ): void {
    this.#serve(contract, commandSubject(contract, agentId), { queue: agentId, answer });
  }

  /** Answers what agents ask, together with the other members of the service's queue group; the subject says who asks. */
  respondToAgents<C extends InquiryContract>(
    contract: C,
    answer: (input: InputOf<C>, agentId: string) => Promise<OutputOf<C>>,
  ): void {
    const agentOf = (subject: string): string => keyOfToken(subject.split('.')[1] ?? '');
    this.#serve(contract, inquirySubject(contract, '*'), {
      queue: this.options.service,
      answer: (input, subject) => this.#oneOfFew(agentOf(subject), (agentId) => answer(input, agentId)),
      inbox: (subject) => inboxOf('agent', agentOf(subject)),
    });
  }

  /** Answers an agent's question, unless that agent waits for others still: one that asks on and on must not keep all busy. */
  async #oneOfFew<T>(agentId: string, answer: (agentId: string) => Promise<T>): Promise<T> {
    const open = this.#asking.get(agentId) ?? 0;
    if (open >= MAX_ASKED_AT_ONCE) throw new LapwingError('RATE_LIMITED', `${open} questions of "${agentId}" are open`);
    this.#asking.set(agentId, open + 1);
    try {
      return await answer(agentId);
    } finally {
      const left = (this.#asking.get(agentId) ?? 1) - 1;
      if (left > 0) this.#asking.set(agentId, left);
      else this.#asking.delete(agentId);
    }
  }

  #serve<C extends Asked>(contract: C, subject: string, { queue, answer, inbox }: Serving<C>) {
    const callback = (error: Error | null, message: Msg): void => {
      if (error) this.#log.error({ error: describeError(error), subject }, 'subscription failed');
      // Whoever asks chooses where the answer goes, and NATS does not ask whether he may speak there himself.
      else if (!message.reply?.startsWith(`${inbox?.(message.subject) ?? '_INBOX'}.`))
        this.#log.warn({ subject: message.subject, reply: message.reply }, 'a question whose answer would go astray');
      else this.#answers.add(this.#answer(contract, message, answer));
    };
    this.connection.whenLinked(({ connection }) =>
      this.#answers.listen(() => connection.subscribe(subject, { ...(queue && { queue }), callback })),
    );
  }

  async #answer<C extends Asked>(
    contract: C,
    message: Msg,
    answer: (input: InputOf<C>, subject: string) => Promise<OutputOf<C>>,
  ) {
    const attributes = messageAttributes({ type: 'process', name: 'answer' }, contract);
    const options = { kind: SpanKind.SERVER, parent: traceOf(message.headers), attributes };
    await inSpan(`answer ${contract.name}`, options, async (span) => {
      try {
        const output = await answer(parseQuestion(contract, message), message.subject);
        if (checksOutgoing) contract.output.parse(output);
        message.respond(encode(this.connection.link(), output, contract.name), { headers: outgoingHeaders() });
      } catch (thrown) {
        if (!(thrown instanceof LapwingError))
          this.#log.error({ error: describeError(thrown), contract: contract.name }, 'answering failed');
        failSpan(span, thrown, isFault(thrown));
        const { data, headers } = errorAnswer(LapwingError.from(thrown).toWire());
        message.respond(data, { headers });
      }
    });
  }

  /**
   * Hears an event as it happens, and misses what happens while it is away.
   * @param key whom it must be about; `*` for everyone.
   */
  listen<C extends EventContract>(contract: C, key: string, hear: (payload: PayloadOf<C>) => void): void {
    const callback = (error: Error | null, message: Msg): void => {
      const read = error ? { reason: error.message } : readEvent(contract, message.subject, message.string());
      if ('payload' in read) hear(read.payload);
      else this.#log.warn({ contract: contract.name, reason: read.reason }, 'a malformed message was ignored');
    };
    this.connection.whenLinked(({ connection }) => connection.subscribe(eventSubject(contract, key), { callback }));
  }
}

/** A payload as JSON; what is nested so deeply that it cannot be written is somebody's bad input. */
function written(payload: unknown, name: string): string {
  try {
    return JSON.stringify(payload);
  } catch (error) {
    if (error instanceof RangeError)
      throw new LapwingError('INVALID_INPUT', `a message of "${name}" is nested too deeply`);
    throw error;
  }
}

/** A payload as it goes over the wire; `TOO_LARGE` when the server would cut the connection for it. */
function encode({ connection }: Link, payload: unknown, name: string): string {
  const text = written(payload, name);
  const limit = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  // Headers count, too.
  if (text.length * 3 > limit - 1024 && Buffer.byteLength(text) > limit - 1024)
    throw new LapwingError('TOO_LARGE', `a message of "${name}" has more than the ${limit} bytes that the bus carries`);
  return text;
}

function parseQuestion<C extends Asked>(contract: C, message: Msg): InputOf<C> {
  const parsed = contract.input.safeParse(safeJson(message.string()));
  if (parsed.success) return parsed.data as InputOf<C>;
  throw new LapwingError('INVALID_INPUT', z.prettifyError(parsed.error));
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the bus's own failures mean to a caller. */
function unavailable(error: unknown, message: string): LapwingError {
  if (error instanceof LapwingError) return error;
  const cause = causeOf(error);
  const code = cause instanceof TimeoutError ? 'TIMEOUT' : 'UNAVAILABLE';
  const reason = isNobody(error) ? 'no responders' : describeError(cause).message;
  return new LapwingError(code, message, { reason });
}

const causeOf = (error: unknown): unknown => (error instanceof RequestError && error.cause ? error.cause : error);

/** Whether nobody has heard a question. */
const isNobody = (error: unknown): boolean => causeOf(error) instanceof NoRespondersError;
