import { z } from 'zod';
import { request } from './define.js';
import { Actor } from './identity.js';

const count = z.int().nonnegative();

/** How much a cleanup deletes, or would delete. */
export const CleanupCounts = z.object({
  /** Closed incidents. */
  events: count,
  /** Resolved alerts. */
  detections: count,
  /** Readings of graphics cards. */
  gpuStats: count,
  /** All other samples as they were taken. */
  samples: count,
  /** Rows of roll-ups. */
  rollups: count,
  /** Lines of logs. */
  logs: count,
  thumbnails: count,
  /** Pictures and clips. */
  images: count,
  /** What they take on disk, in bytes: an estimate by the content of rows, the same before they are deleted and when they are. */
  bytes: count,
});
/** See {@link CleanupCounts}. */
export type CleanupCounts = z.infer<typeof CleanupCounts>;

/** Nothing at all. */
export const noCleanupCounts: CleanupCounts = {
  events: 0,
  detections: 0,
  gpuStats: 0,
  samples: 0,
  rollups: 0,
  logs: 0,
  thumbnails: 0,
  images: 0,
  bytes: 0,
};

/** The sum of two, class by class. */
export function addCleanupCounts(one: CleanupCounts, other: Partial<CleanupCounts>): CleanupCounts {
  const names = Object.keys(one) as (keyof CleanupCounts)[];
  return Object.fromEntries(names.map((name) => [name, one[name] + (other[name] ?? 0)])) as CleanupCounts;
}

/** The services that keep what a cleanup deletes, in the order in which they are asked. */
export const cleanedServices = ['alerting', 'metrics-store', 'log-store'] as const;
/** See {@link cleanedServices}. */
export type CleanedService = (typeof cleanedServices)[number];

/**
 * Deletes a part of what a service keeps of the time before an instant, or counts it. Asked again with `after` until `next` is null: each answer
 * comes after some seconds, however much there is.
 */
export function cleanupRun(service: CleanedService) {
  return request(`req.${service}.cleanup.run.v1`, {
    input: z.object({
      /** A full hour, milliseconds since 1970; what is of this instant or later stays. */
      before: z
        .int()
        .nonnegative()
        .refine((ms) => ms % 3_600_000 === 0, 'a full hour'),
      /** Counts what would be deleted, and deletes nothing. */
      dryRun: z.boolean(),
      /** `next` of the answer before; null to begin with. */
      after: z.string().max(200).nullable().default(null),
    }),
    output: z.object({ counts: CleanupCounts, next: z.string().max(200).nullable() }),
    deadlineMs: 60_000,
  });
}

/** How many rows a service keeps of a kind; above a million an estimate. */
export const RowCount = z.object({ rows: count, isEstimate: z.boolean() });
/** See {@link RowCount}. */
export type RowCount = z.infer<typeof RowCount>;

/** How many rows a service keeps, by kind: `incidents` and `alerts`, `gpuSamples`, or `logLines`. */
export function rowsCount(service: CleanedService) {
  return request(`req.${service}.rows.count.v1`, {
    input: z.object({}),
    output: z.object({ tables: z.record(z.string().max(40), RowCount) }),
    deadlineMs: 10_000,
  });
}

/** Why a cleanup ran. */
export const CleanupTrigger = z.enum(['request', 'schedule']);

/** A cleanup, under way or over. */
export const Cleanup = z.object({
  id: count,
  dryRun: z.boolean(),
  trigger: CleanupTrigger,
  retentionDays: z.int().min(1).max(365),
  startedAt: z.int(),
  /** Null while it is under way. */
  endedAt: z.int().nullable(),
  /** What was deleted or counted so far; of one that failed, at least so much. */
  counts: CleanupCounts,
  /** What could not be cleaned up, in words; null for none. */
  fault: z.string().nullable(),
});
/** See {@link Cleanup}. */
export type Cleanup = z.infer<typeof Cleanup>;

/** Begins a cleanup and answers at once. Fails with `CLEANUP_IN_PROGRESS` while one runs on any replica. */
export const cleanupStart = request('req.settings.cleanup.start.v1', {
  input: z.object({ dryRun: z.boolean(), actor: Actor }),
  output: Cleanup,
});

/** One cleanup, as far as it has come; `NOT_FOUND` when it is forgotten. */
export const cleanupGet = request('req.settings.cleanup.get.v1', {
  input: z.object({ id: count }),
  output: Cleanup,
});

/** Files of one class. */
export const FileClass = z.object({ files: count, bytes: count });

/** The volume of the data folder and the files in it, as of a minute ago at most. */
export const storageGet = request('req.settings.storage.get.v1', {
  input: z.object({}),
  output: z.object({
    disk: z.object({ total: count, free: count }),
    thumbnails: FileClass,
    images: FileClass,
    clips: FileClass,
    /** Whether there are more files than were looked at. */
    isTruncated: z.boolean(),
    measuredAt: z.int(),
  }),
  deadlineMs: 15_000,
});
