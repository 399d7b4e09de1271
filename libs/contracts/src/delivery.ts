import { z } from 'zod';
import { AgentId } from './agent.js';
import { event, inquiry, request } from './define.js';
import { HostSample } from './host-sample.js';

/** Names one outbox of a collector; a new one is made when the old one's numbers can no longer be trusted. */
export const OutboxId = z.string().regex(/^[a-z0-9]{8,32}$/);

/** A run of sequence numbers, both ends included. */
export const SeqRange = z.tuple([z.int().positive(), z.int().positive()]);
/** See {@link SeqRange}. */
export type SeqRange = z.infer<typeof SeqRange>;

/** Folds numbers into runs: [5, 3, 4, 9] becomes [[3, 5], [9, 9]]. Doubles count once. */
export function foldRanges(seqs: Iterable<number>): SeqRange[] {
  const ranges: SeqRange[] = [];
  for (const seq of [...seqs].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && seq <= last[1] + 1) last[1] = Math.max(last[1], seq);
    else ranges.push([seq, seq]);
  }
  return ranges;
}

/** Why a stretch of time has no samples. */
export const gapCauses = [
  'collector_stopped',
  'collector_killed',
  'host_restarted',
  'outbox_full',
  'outbox_damaged',
] as const;

/** Milliseconds since 1970, UTC, as far as a date can tell (the year 275760). */
const Instant = z.int().min(0).max(8.64e15);

/** A stretch of time without samples, as the collector knows it. Times in milliseconds since 1970, UTC. */
export const Gap = z.object({
  from: Instant,
  to: Instant,
  cause: z.enum(gapCauses),
  /** Samples that had been taken and were then lost; null when none was taken in that time. */
  lost: SeqRange.refine(([first, last]) => last >= first && last - first < 2 ** 31, 'an ascending range').nullable(),
});
/** See {@link Gap}. */
export type Gap = z.infer<typeof Gap>;

/** The most gaps that one message carries. */
export const MAX_GAPS_PER_MESSAGE = 1000;

/** The most samples that one message carries: live messages carry one, back-fill many. */
export const MAX_SAMPLES_PER_MESSAGE = 500;

/** Samples of one host, taken and numbered by its collector. Key: the agent. */
export const hostSampled = event(
  'evt.host.sampled.v1',
  'SAMPLES',
  z.object({
    agentId: AgentId,
    outbox: OutboxId,
    samples: z.array(HostSample).min(1).max(MAX_SAMPLES_PER_MESSAGE),
    /** Gaps that metrics-store has not said to have noted: each message tells them again until then. */
    gaps: z.array(Gap).max(MAX_GAPS_PER_MESSAGE).optional(),
  }),
  ({ agentId }) => agentId,
);

/**
 * metrics-store has committed these samples (or put them in quarantine) and noted these gaps: the outbox may forget them.
 * Samples alone say nothing about gaps: the same sample may have come before, in a message without them. Key: the agent.
 */
export const samplesStored = event(
  'evt.samples.stored.v1',
  null,
  z.object({
    agentId: AgentId,
    outbox: OutboxId,
    ranges: z.array(SeqRange).min(1),
    gaps: z.array(Gap).max(MAX_GAPS_PER_MESSAGE).optional(),
  }),
  ({ agentId }) => agentId,
);

/** An agent asks which samples of its outbox are stored, for a collector that missed the news or has just started. */
export const deliveryGet = inquiry('metrics-store', 'delivery.get.v1', {
  input: z.object({ outbox: OutboxId, seqs: SeqRange, from: z.int(), to: z.int() }),
  output: z.object({
    /** Stored or quarantined, within the range asked for. */
    stored: z.array(SeqRange),
    /** Every message of the stream up to this position has been handled. */
    handledUpTo: z.int().nonnegative(),
    /** The stream's newest position; smaller than a position that was handed out means that the stream was made anew. */
    streamEnd: z.int().nonnegative(),
  }),
});

/** What became of the samples of one host, hour by hour, and why some are missing. */
export const ledgerGet = request('req.metrics-store.ledger.get.v1', {
  input: z.object({ agentId: AgentId, from: z.int(), to: z.int() }),
  output: z.object({
    hours: z.array(
      z.object({
        hour: z.int(),
        /** Samples that the collector numbered in this hour. */
        taken: z.int(),
        stored: z.int(),
        /** Of those stored: how many came more than a minute after they were taken. */
        backfilled: z.int(),
        /** Put aside because their clock was wild. */
        quarantined: z.int(),
        lost: z.int(),
        /** Taken, and neither stored nor known to be lost: still in an outbox or in the stream. */
        pending: z.int(),
      }),
    ),
    gaps: z.array(Gap),
  }),
});
