import type { Cleanup } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

/** What a cleanup deleted, or would delete. */
export const CleanupDocument = z.object({
  events_deleted: z.int().describe('closed incidents'),
  detections_deleted: z.int().describe('resolved alerts'),
  gpu_stats_deleted: z.int().describe('readings of graphics cards'),
  logs_deleted: z.int().describe('lines of logs'),
  thumbnails_deleted: z.int(),
  images_deleted: z.int().describe('pictures and clips'),
  samples_deleted: z.int().describe('all other samples'),
  rollups_deleted: z.int().describe('rows of roll-ups'),
  space_reclaimed: z.int().describe('bytes, an estimate'),
  retention_days: z.int(),
  dry_run: z.boolean(),
  timestamp: isoTime,
});

/** A cleanup that is over. */
export function toCleanupDocument({
  counts,
  retentionDays,
  dryRun,
  endedAt,
  startedAt,
}: Cleanup): z.infer<typeof CleanupDocument> {
  return {
    events_deleted: counts.events,
    detections_deleted: counts.detections,
    gpu_stats_deleted: counts.gpuStats,
    logs_deleted: counts.logs,
    thumbnails_deleted: counts.thumbnails,
    images_deleted: counts.images,
    samples_deleted: counts.samples,
    rollups_deleted: counts.rollups,
    space_reclaimed: counts.bytes,
    retention_days: retentionDays,
    dry_run: dryRun,
    timestamp: isoSeconds(endedAt ?? startedAt),
  };
}
