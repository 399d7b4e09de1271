import { z } from 'zod';
import { AgentId } from './agent.js';
import { request } from './define.js';
import { HostSample } from './host-sample.js';

/** The metrics of a host that have a history. Percent 0–100, bytes, bytes per second, °C. */
export const hostMetrics = [
  'cpu',
  'memory',
  'disk',
  'temperature',
  'load1',
  'memoryUsed',
  'swapUsed',
  'diskReadRate',
  'diskWriteRate',
  'networkRxRate',
  'networkTxRate',
  'processes',
  'connections',
] as const;
/** One of {@link hostMetrics}. */
export type HostMetric = (typeof hostMetrics)[number];

/** The most points that one question about history may ask for. */
export const MAX_HISTORY_POINTS = 10_000;

const column = z.object({
  avg: z.array(z.number().nullable()),
  min: z.array(z.number().nullable()),
  max: z.array(z.number().nullable()),
});

/**
 * History of hosts between two instants, [from, to), in steps. Without agents: the mean over all, with the least and the
 * greatest of any. Steps without a sample are left out, so that a gap stays a gap.
 */
export const historyGet = request('req.metrics-store.history.get.v1', {
  input: z.object({
    agentIds: z.array(AgentId).max(1000).nullable(),
    metrics: z.array(z.enum(hostMetrics)).min(1),
    from: z.int(),
    to: z.int(),
    /** Seconds a step; 0 asks for the samples as they were taken. */
    step: z.int().min(0).max(31_622_400),
  }),
  output: z.object({
    /** Beginning of each step, milliseconds since 1970. */
    times: z.array(z.int()),
    columns: z.partialRecord(z.enum(hostMetrics), column),
  }),
  deadlineMs: 15_000,
});

/** Readings of a host's first graphics card, oldest first; the newest `limit` of them. */
export const gpuHistoryGet = request('req.metrics-store.gpu.history.v1', {
  input: z.object({ agentId: AgentId.nullable(), since: z.int().nullable(), limit: z.int().min(1).max(5000) }),
  output: z.object({
    samples: z.array(
      z.object({
        time: z.int(),
        name: z.string(),
        utilization: z.number().nullable(),
        memoryUsed: z.number().nullable(),
        memoryTotal: z.number().nullable(),
        temperature: z.number().nullable(),
        powerWatts: z.number().nullable(),
      }),
    ),
  }),
  deadlineMs: 10_000,
});

/** The newest stored sample of a host, for when the bus no longer has it. */
export const latestSampleGet = request('req.metrics-store.sample.latest.v1', {
  input: z.object({ agentId: AgentId.nullable() }),
  output: z.object({ agentId: AgentId, sample: HostSample }).nullable(),
});

/** The figures of hosts whose excursions can be asked for. */
export const excursionMetrics = ['cpu', 'memory', 'disk', 'temperature'] as const satisfies readonly HostMetric[];
/** One of {@link excursionMetrics}. */
export type ExcursionMetric = (typeof excursionMetrics)[number];

/**
 * When a figure is in breach, in its own unit: at `trigger` or more, until it is at `clear` or less; critical at `critical` or more, and
 * `trigger - clear` below that no more. `delaySeconds`: for how long it must be in breach before that counts.
 */
export const ExcursionLimit = z.object({
  trigger: z.number(),
  clear: z.number(),
  critical: z.number().nullable(),
  delaySeconds: z.number().min(0).max(86_400),
});
/** See {@link ExcursionLimit}. */
export type ExcursionLimit = z.infer<typeof ExcursionLimit>;

const Limits = z.partialRecord(z.enum(excursionMetrics), ExcursionLimit);

/** Beginnings in minutes after `base`, with the least and greatest in hundredths of the figure's unit. */
const Buckets = z.object({ at: z.array(z.int()), min: z.array(z.int()), max: z.array(z.int()) });

/** The most hosts with limits of their own that one question about excursions names. */
export const MAX_SPECIAL_LIMITS = 2000;

/**
 * The buckets of a roll-up that could begin, carry on or end a breach between two instants, [from, to); what is left out could not: its
 * greatest is below `trigger`, and no breach before it was still to end. The 1-minute roll-up is read, from before its retention the 5-minute one.
 * Hours and five minutes in which a breach that lasts already neither ends nor changes its level come as one, in `calm`, unless `whole` is said.
 * The newest part comes from the samples, but for the last two minutes, which may still be on their way.
 * Pages of less than 1 MB, by host and figure; at most {@link MAX_EXCURSION_SPAN_MS}.
 */
export const excursionsGet = request('req.metrics-store.excursions.get.v1', {
  input: z.object({
    /** All hosts when null; those that are not known are left out. */
    agentIds: z.array(AgentId).max(1000).nullable(),
    from: z.int(),
    to: z.int(),
    /** Of the figures that are wanted. */
    limits: Limits,
    /** What holds for single hosts instead; a figure that is missing there is not wanted of that host. */
    special: z
      .record(AgentId, Limits)
      .refine((record) => Object.keys(record).length <= MAX_SPECIAL_LIMITS, `at most ${MAX_SPECIAL_LIMITS} hosts`),
    whole: z.boolean().default(false),
    /** Which of so many parts of the hosts is wanted, so that parts can be asked for side by side. */
    part: z
      .object({ number: z.int().min(0), of: z.int().min(1).max(8) })
      .refine(({ number, of }) => number < of, 'number must be below of')
      .default({ number: 0, of: 1 }),
    /** The last host and figure of the page before. */
    after: z.object({ agentId: AgentId, metric: z.enum(excursionMetrics) }).nullable(),
  }),
  output: z.object({
    /** How many hosts the question is about, on all pages of this part. */
    hosts: z.int(),
    /** Milliseconds since 1970. */
    base: z.int(),
    /** Seconds of a bucket: 60 or 300. */
    step: z.int(),
    series: z.array(
      z.object({
        agentId: AgentId,
        metric: z.enum(excursionMetrics),
        buckets: Buckets,
        /** With the minutes that each lasts. */
        calm: Buckets.extend({ width: z.array(z.int()) }),
      }),
    ),
    /** How many rows of the 1-minute and 5-minute roll-ups were read for this page. */
    read: z.int(),
    /** Where the next page goes on; null after the last. */
    next: z.object({ agentId: AgentId, metric: z.enum(excursionMetrics) }).nullable(),
  }),
  deadlineMs: 15_000,
});

/** The longest span that one question about excursions is about: as long as the 5-minute roll-up is kept. */
export const MAX_EXCURSION_SPAN_MS = 90 * 86_400_000;
