import { z } from 'zod';
import { AgentId } from './agent.js';
import { OutboxId, SeqRange } from './delivery.js';
import { event, inquiry, request } from './define.js';

/** Where a line of a log comes from. `service` is what processes under a process manager print: PM2's, and Lapwing's own. */
export const logSourceKinds = ['journal', 'file', 'docker', 'service'] as const;
/** One of {@link logSourceKinds}. */
export type LogSourceKind = (typeof logSourceKinds)[number];

/** How serious a line is, least first. The journal's priorities 0 to 2 are `critical`. */
export const logLevels = ['debug', 'info', 'notice', 'warning', 'error', 'critical'] as const;
/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Characters of a line; what is longer is cut and marked with the fields `truncated` and `original_length` (bytes, as far as it is known). */
export const MAX_LOG_MESSAGE = 16_384;
/** Characters of the name of a unit, file, container or process. */
export const MAX_LOG_NAME = 256;
/** Fields of one line, and the characters of a name and of a value. */
export const MAX_LOG_FIELDS = 32;
/** See {@link MAX_LOG_FIELDS}. */
export const MAX_LOG_FIELD_NAME = 64;
/** See {@link MAX_LOG_FIELDS}. */
export const MAX_LOG_FIELD_VALUE = 1024;
/** Lines that an agent takes down under one number, at most. */
export const MAX_LOG_BATCH = 1000;
/** Batches that one message carries, at most. */
export const MAX_LOG_BATCHES_PER_MESSAGE = 100;

const Instant = z.int().min(0).max(8.64e15);
const Name = z.string().min(1).max(MAX_LOG_NAME);

/** A line of a log, or several that belong together (a stack trace). Text holds no control characters but `\n` and `\t`. */
export const LogEntry = z.object({
  /** What the line itself says, else when it was read; milliseconds since 1970, UTC. */
  time: Instant,
  source: z.enum(logSourceKinds),
  /** The unit, path, container or process. */
  name: Name,
  level: z.enum(logLevels),
  message: z.string().max(MAX_LOG_MESSAGE),
  /** What else is known, e.g. `pid`; `stream` is `out` or `err`. */
  fields: z
    .record(z.string().max(MAX_LOG_FIELD_NAME), z.string().max(MAX_LOG_FIELD_VALUE))
    .refine((fields) => Object.keys(fields).length <= MAX_LOG_FIELDS, `at most ${MAX_LOG_FIELDS} fields`),
});
/** See {@link LogEntry}. */
export type LogEntry = z.infer<typeof LogEntry>;

/** Lines that an agent took down together, in the order in which they were read. */
export const LogBatch = z.object({
  /** Numbers the batches of one outbox from 1 without a hole; never used twice. */
  seq: z.int().positive(),
  /** When they were read: milliseconds since 1970, UTC, by the host's clock. */
  time: Instant,
  entries: z.array(LogEntry).min(1).max(MAX_LOG_BATCH),
});
/** See {@link LogBatch}. */
export type LogBatch = z.infer<typeof LogBatch>;

/** Lines of the logs of one host. Key: the agent. */
export const logCollected = event(
  'evt.log.collected.v1',
  'LOGS',
  z.object({
    agentId: AgentId,
    outbox: OutboxId,
    batches: z.array(LogBatch).min(1).max(MAX_LOG_BATCHES_PER_MESSAGE),
  }),
  ({ agentId }) => agentId,
);

/** log-store has committed these batches: the outbox may forget them. Key: the agent. */
export const logsStored = event(
  'evt.logs.stored.v1',
  null,
  z.object({ agentId: AgentId, outbox: OutboxId, ranges: z.array(SeqRange).min(1) }),
  ({ agentId }) => agentId,
);

/** An agent asks which batches of its log outbox are stored; as `deliveryGet` for samples. */
export const logDeliveryGet = inquiry('log-store', 'logdelivery.get.v1', {
  input: z.object({ outbox: OutboxId, seqs: SeqRange }),
  output: z.object({
    stored: z.array(SeqRange),
    /** Every message of the stream up to this position has been handled. */
    handledUpTo: z.int().nonnegative(),
    /** The stream's newest position; smaller than a position that was handed out means that the stream was made anew. */
    streamEnd: z.int().nonnegative(),
  }),
});

/** Which lines are meant. What is null does not matter; all that is given must hold. */
export const LogFilter = z.object({
  agentId: AgentId.nullable().default(null),
  source: z.enum(logSourceKinds).nullable().default(null),
  /** The exact name of a unit, path, container or process. */
  name: Name.nullable().default(null),
  levels: z.array(z.enum(logLevels)).min(1).max(logLevels.length).nullable().default(null),
  /**
   * Words in the syntax of web searches (`"a phrase"`, `or`, `-not`). A plain text without such signs is found as a part of a line, too,
   * in upper or lower case.
   */
  query: z.string().min(1).max(1000).nullable().default(null),
  /** A regular expression in the syntax of RE2 that must match somewhere in the line, in upper or lower case. */
  pattern: z.string().min(1).max(500).nullable().default(null),
  /** `out` or `err` of what a process or container prints. */
  stream: z.enum(['out', 'err']).nullable().default(null),
  /** From this instant on, and before that one; milliseconds since 1970, UTC. */
  from: Instant.nullable().default(null),
  to: Instant.nullable().default(null),
});
/** See {@link LogFilter}. */
export type LogFilter = z.output<typeof LogFilter>;

/** The most lines that one question asks for. */
export const MAX_LOG_PAGE = 1000;
/** The most lines that a question passes over; beyond that pages follow each other by `after`. */
export const MAX_LOG_OFFSET = 10_000;

/** Batches that one outbox numbers at most; see {@link LogEntryId}. */
export const MAX_LOG_SEQ = 2 ** 40;

/**
 * Names a stored line for ever, and says where it stands among all: newest first. Its parts, in base 36, are its time, the number of its stream (agent, source
 * and name), the number of its batch (the remainder of a division by {@link MAX_LOG_SEQ}; before it stands the outbox), and its place in the batch.
 */
export const LogEntryId = z.string().regex(/^[0-9a-z]{1,11}(-[0-9a-z]{1,11}){3}$/, 'the id of a line');

/** A line as it is stored. */
export const StoredLogEntry = LogEntry.extend({ id: LogEntryId, agentId: AgentId });
/** See {@link StoredLogEntry}. */
export type StoredLogEntry = z.infer<typeof StoredLogEntry>;

/**
 * Lines, newest first. An answer holds as many as fit into a message: where `next` is not null, the rest is asked for with `after: next`.
 * Errors: `INVALID_INPUT` for a pattern that is none, `TIMEOUT` for a search that took too long.
 */
export const logentryList = request('req.log-store.logentry.list.v1', {
  input: z.object({
    filter: LogFilter,
    limit: z.int().min(1).max(MAX_LOG_PAGE),
    offset: z.int().min(0).max(MAX_LOG_OFFSET).default(0),
    /** Only what comes after this line, that is: older ones. */
    after: LogEntryId.nullable().default(null),
  }),
  output: z.object({ entries: z.array(StoredLogEntry), next: LogEntryId.nullable() }),
  deadlineMs: 15_000,
});

/** How many lines there are; an estimate where there are too many to be counted in time. */
export const logentryCount = request('req.log-store.logentry.count.v1', {
  input: z.object({ filter: LogFilter }),
  output: z.object({ total: z.int().nonnegative(), isEstimate: z.boolean() }),
  deadlineMs: 15_000,
});

/** The most buckets of a histogram. */
export const MAX_LOG_BUCKETS = 1000;

/** How many lines of each level there were in each stretch of time; oldest first, and those without lines are left out. */
export const logvolumeGet = request('req.log-store.logvolume.get.v1', {
  input: z.object({
    filter: LogFilter.extend({ from: Instant, to: Instant }),
    /** Seconds of a bucket. */
    step: z.int().min(1).max(31_622_400),
  }),
  output: z.object({
    buckets: z.array(
      z.object({
        /** When it begins: a whole multiple of the step since 1970, milliseconds. */
        time: Instant,
        counts: z.partialRecord(z.enum(logLevels), z.int().nonnegative()),
      }),
    ),
  }),
  deadlineMs: 15_000,
});

/** The logs that there are: who sends them, and when a line of it came last. At most 1000, by agent, source and name. */
export const logsourceList = request('req.log-store.logsource.list.v1', {
  input: z.object({
    agentId: AgentId.nullable().default(null),
    source: z.enum(logSourceKinds).nullable().default(null),
  }),
  output: z.object({
    sources: z.array(
      z.object({ agentId: AgentId, source: z.enum(logSourceKinds), name: Name, lastAt: Instant.nullable() }),
    ),
  }),
});

/** Deletes what one process has printed, or all of them (source `service` alone). `NOT_FOUND` for a process without a log. */
export const servicelogFlush = request('req.log-store.servicelog.flush.v1', {
  input: z.object({ process: Name.nullable() }),
  output: z.object({ deleted: z.int().nonnegative() }),
  deadlineMs: 60_000,
});

/** How many lines match, by agent; for rules that want to know. At most 1000 agents, those with most first. */
export const logmatchCount = request('req.log-store.logmatch.count.v1', {
  input: z.object({ filter: LogFilter.extend({ from: Instant, to: Instant }) }),
  output: z.object({
    agents: z.array(
      z.object({
        agentId: AgentId,
        count: z.int().positive(),
        /** The newest lines that match, cut to 500 characters; newest first. */
        examples: z.array(z.object({ time: Instant, name: Name, message: z.string().max(500) })).max(3),
      }),
    ),
  }),
  deadlineMs: 10_000,
});
