import { z } from 'zod';
import { event, request } from './define.js';

/**
 * What is measured of the way from a host's sample to a message, in milliseconds. The first four are how long a stage took: collecting the sample
 * (`watch`), judging it (`detect`), putting what fired into an incident (`batch`), deciding and handing over to delivery (`analyze`). The others lie
 * between the ends of two stages; `total` is from when collecting began to the hand-over.
 */
export const pipelineMeasures = [
  'watch',
  'detect',
  'batch',
  'analyze',
  'watchToDetect',
  'detectToBatch',
  'batchToAnalyze',
  'total',
] as const;
/** One of {@link pipelineMeasures}. */
export type PipelineMeasure = (typeof pipelineMeasures)[number];

/** As many different values one distribution holds at most. */
export const MAX_DISTINCT_VALUES = 4096;

const Milliseconds = z.number().min(0).max(86_400_000);

/** Measured values: each as it was rounded, ascending, with how often it came. Sum, least and greatest are exact. Milliseconds, a day at most. */
export const Distribution = z
  .object({
    values: z.array(Milliseconds).min(1).max(MAX_DISTINCT_VALUES),
    counts: z.array(
      z
        .int()
        .min(1)
        .max(2 ** 31 - 1),
    ),
    sum: z.number().nonnegative(),
    min: Milliseconds,
    max: Milliseconds,
  })
  .refine(({ values, counts }) => values.length === counts.length, 'a count for each value')
  .refine(({ values }) => values.every((value, at) => at === 0 || value > (values[at - 1] ?? 0)), 'ascending values')
  .refine(({ min, max }) => min <= max, 'min is not above max');
/** See {@link Distribution}. */
export type Distribution = z.infer<typeof Distribution>;

/** Names a process for as long as it runs. */
const ProcessName = z.string().regex(/^[0-9a-f]{12}$/, 'twelve hexadecimal digits');

/**
 * What one process has measured of one minute so far: all of it, so that a later report of the same minute replaces an earlier one, and the same
 * one twice, or one that comes out of order, changes nothing. Key: the process.
 */
export const pipelineSampled = event(
  'evt.pipeline.sampled.v1',
  'SAMPLES',
  z.object({
    process: ProcessName,
    /** The beginning of the minute: milliseconds since 1970, UTC. */
    minute: z.int().min(0).max(8.64e15).multipleOf(60_000),
    measures: z.partialRecord(z.enum(pipelineMeasures), Distribution),
  }),
  ({ process }) => process,
);

/** A process of alerting tells the others how many host samples of the stream it has still to judge. Key: the process. */
export const judgingProgressed = event(
  'evt.judging.progressed.v1',
  null,
  z.object({ process: ProcessName, behind: z.int().min(0) }),
  ({ process }) => process,
);

/** What a measure looks like over a time: milliseconds, but for how many values there were. Percentiles by the rule in docs/operations.md. */
export const MeasureStatistics = z.object({
  avg: z.number(),
  min: z.number(),
  max: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  count: z.int().positive(),
});
/** See {@link MeasureStatistics}. */
export type MeasureStatistics = z.infer<typeof MeasureStatistics>;

/** The longest time that statistics of the pipeline may be about: a day. */
export const MAX_PIPELINE_MINUTES = 1440;

/** Statistics of each measure over the last so many minutes, of all processes together; null where nothing was measured. */
export const pipelineGet = request('req.metrics-store.pipeline.get.v1', {
  input: z.object({ windowMinutes: z.int().min(1).max(MAX_PIPELINE_MINUTES) }),
  output: z.object({ measures: z.record(z.enum(pipelineMeasures), MeasureStatistics.nullable()) }),
});

/**
 * What waits before the stages: messages of host samples that are not judged yet (`detection`), and messages to people that are not sent yet, or being
 * sent (`analysis`). `UNAVAILABLE` while that cannot be known.
 */
export const queuesGet = request('req.alerting.queues.get.v1', {
  input: z.object({}),
  output: z.object({ detection: z.int().min(0), analysis: z.int().min(0) }),
});
