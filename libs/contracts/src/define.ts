import { z } from 'zod';
import { subjectToken } from './agent.js';

/**
 * The JetStream streams of Lapwing. `STATES` keeps the newest message of each subject: what is, not what happened. `JOBS` keeps work
 * until one has done it. `DEAD` keeps what could not be handled, with the reason, until a person looks.
 */
export const streamNames = ['SAMPLES', 'LOGS', 'EVENTS', 'STATES', 'JOBS', 'DEAD'] as const;

/** One of {@link streamNames}. */
export type StreamName = (typeof streamNames)[number];

/**
 * A past fact, published on `<name>.<key>`.
 * `stream: null` marks a transient fact: whoever is not listening misses it, and must be able to ask for it later.
 */
export interface EventContract<S extends z.ZodType = z.ZodType> {
  kind: 'event';
  name: string;
  stream: StreamName | null;
  schema: S;
  /** Whom or what a payload is about, where the payload says so: a message whose subject ends otherwise is malformed. */
  keyOf: ((payload: z.output<S>) => string) | undefined;
}

/** A question or an order to a service; one member of the service's queue group answers. */
export interface RequestContract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: 'request';
  name: string;
  service: string;
  input: I;
  output: O;
  /** How long a caller waits for the answer, in milliseconds. */
  deadlineMs: number;
}

/** An order to one host, answered by that host's collector on `cmd.<agent>.<noun>.<verb>.v<N>`. */
export interface CommandContract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: 'command';
  /** `<noun>.<verb>.v<N>`: the part after the agent. */
  name: string;
  input: I;
  output: O;
  deadlineMs: number;
}

/**
 * A question of one agent to a service, asked on `ask.<agent>.<noun>.<verb>.v<N>`: the subject says who asks, and NATS lets nobody
 * else ask there. Agents have no access to requests.
 */
export interface InquiryContract<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: 'inquiry';
  /** `<noun>.<verb>.v<N>`: the part after the agent. */
  name: string;
  /** The service that answers. */
  service: string;
  input: I;
  output: O;
  deadlineMs: number;
}

/** Any message that Lapwing knows. */
export type Contract = EventContract | RequestContract | CommandContract | InquiryContract;

/** What is asked and answered. */
export type Asked = RequestContract | CommandContract | InquiryContract;

/** The payload of an event. */
export type PayloadOf<C extends EventContract> = z.output<C['schema']>;
/** The question of a request, command or inquiry, as the one who answers sees it (defaults filled in). */
export type InputOf<C extends Asked> = z.output<C['input']>;
/** The question of a request, command or inquiry, as the one who asks writes it. */
export type QuestionOf<C extends Asked> = z.input<C['input']>;
/** The answer to a request, command or inquiry. */
export type OutputOf<C extends Asked> = z.output<C['output']>;

const grammar = {
  event: /^evt\.[a-z]+\.[a-z]+\.v\d+$/,
  request: /^req\.[a-z-]+\.[a-z]+\.[a-z]+\.v\d+$/,
  command: /^[a-z]+\.[a-z]+\.v\d+$/,
  inquiry: /^[a-z]+\.[a-z]+\.v\d+$/,
  job: /^job\.[a-z-]+\.[a-z]+\.v\d+$/,
};

function checked(kind: keyof typeof grammar, name: string): string {
  if (!grammar[kind].test(name))
    throw new Error(`"${name}" does not follow the grammar of a ${kind}: ${grammar[kind]}`);
  return name;
}

/**
 * Defines an event.
 * @param name `evt.<domain>.<past fact>.v<N>`; a published schema changes by optional fields only, else N grows.
 * @param stream the stream that keeps it, or null for a transient one.
 * @param keyOf whom or what a payload is about, where the payload says so.
 */
export function event<S extends z.ZodType>(
  name: string,
  stream: StreamName | null,
  schema: S,
  keyOf?: (payload: z.output<S>) => string,
): EventContract<S> {
  return { kind: 'event', name: checked('event', name), stream, schema, keyOf };
}

/**
 * Defines work that the stream `JOBS` keeps until one of a service's replicas has done it.
 * @param name `job.<service>.<noun>.v<N>`.
 */
export function job<S extends z.ZodType>(name: string, schema: S): EventContract<S> {
  return { kind: 'event', name: checked('job', name), stream: 'JOBS', schema, keyOf: undefined };
}

/**
 * Defines a request.
 * @param name `req.<service>.<noun>.<verb>.v<N>`.
 * @param deadlineMs how long a caller waits, in milliseconds.
 */
export function request<I extends z.ZodType, O extends z.ZodType>(
  name: string,
  shape: { input: I; output: O; deadlineMs?: number },
): RequestContract<I, O> {
  const service = checked('request', name).split('.')[1] ?? '';
  return {
    kind: 'request',
    name,
    service,
    input: shape.input,
    output: shape.output,
    deadlineMs: shape.deadlineMs ?? 5000,
  };
}

/** What a request that changes nothing does. */
const READS = new Set(['get', 'list', 'count', 'history', 'latest', 'verify']);

/** Whether a request changes nothing, by the verb in its name: then it may be asked twice. */
export function onlyReads(contract: Asked): boolean {
  return contract.kind === 'request' && READS.has(contract.name.split('.')[3] ?? '');
}

/**
 * Defines a command to a host.
 * @param name `<noun>.<verb>.v<N>`; on the wire `cmd.<agent>.` stands before it.
 */
export function command<I extends z.ZodType, O extends z.ZodType>(
  name: string,
  shape: { input: I; output: O; deadlineMs?: number },
): CommandContract<I, O> {
  return {
    kind: 'command',
    name: checked('command', name),
    input: shape.input,
    output: shape.output,
    deadlineMs: shape.deadlineMs ?? 5000,
  };
}

/**
 * Defines a question of an agent to a service.
 * @param service who answers.
 * @param name `<noun>.<verb>.v<N>`; on the wire `ask.<agent>.` stands before it.
 */
export function inquiry<I extends z.ZodType, O extends z.ZodType>(
  service: string,
  name: string,
  shape: { input: I; output: O; deadlineMs?: number },
): InquiryContract<I, O> {
  return {
    kind: 'inquiry',
    name: checked('inquiry', name),
    service,
    input: shape.input,
    output: shape.output,
    deadlineMs: shape.deadlineMs ?? 5000,
  };
}

/** The subject that carries an event about `key` (an agent, an alert …). */
export function eventSubject(contract: EventContract, key: string): string {
  return `${contract.name}.${subjectToken(key)}`;
}

/**
 * Reads an event that came in.
 * @returns the payload, or in words why this is no such event.
 */
export function readEvent<C extends EventContract>(
  contract: C,
  subject: string,
  text: string,
): { payload: PayloadOf<C> } | { reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'the payload is not JSON' };
  }
  const parsed = contract.schema.safeParse(json);
  if (!parsed.success) return { reason: z.prettifyError(parsed.error) };
  const key = contract.keyOf?.(parsed.data);
  if (key !== undefined && subject !== eventSubject(contract, key))
    return { reason: `the payload is about "${key}", the subject is "${subject}"` };
  return { payload: parsed.data as PayloadOf<C> };
}

/** The subject that carries a command to an agent. */
export function commandSubject(contract: CommandContract, agentId: string): string {
  return `cmd.${subjectToken(agentId)}.${contract.name}`;
}

/** The subject on which an agent asks; `*` for those of all agents. */
export function inquirySubject(contract: InquiryContract, agentId: string): string {
  return `ask.${subjectToken(agentId)}.${contract.name}`;
}
