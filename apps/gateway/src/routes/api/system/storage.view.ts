import type { OutputOf, storageGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';
import type { Rows } from '../../../services/totals.service.js';

const Files = z.object({ file_count: z.int(), size_bytes: z.int() });

/** The home-security form of how full the disk is. */
export const StorageDocument = z.object({
  disk_used_bytes: z.int(),
  disk_total_bytes: z.int(),
  disk_free_bytes: z.int(),
  disk_usage_percent: z.number(),
  thumbnails: Files,
  images: Files,
  clips: Files,
  events_count: z.int().describe('incidents'),
  detections_count: z.int().describe('alerts'),
  gpu_stats_count: z.int(),
  logs_count: z.int(),
  files_truncated: z.boolean().describe('whether there are more files than were counted'),
  counts_estimated: z.boolean().describe('whether a count of more than a million rows is an estimate'),
  timestamp: isoTime,
});

type Storage = OutputOf<typeof storageGet>;

/** The volume and its files as of when they were looked at. */
export function toStorageDocument(storage: Storage, rows: Rows): z.infer<typeof StorageDocument> {
  const { total, free } = storage.disk;
  const used = total - free;
  const files = ({ files: count, bytes }: Storage['clips']) => ({ file_count: count, size_bytes: bytes });
  return {
    disk_used_bytes: used,
    disk_total_bytes: total,
    disk_free_bytes: free,
    disk_usage_percent: total > 0 ? Math.round((used / total) * 10_000) / 100 : 0,
    thumbnails: files(storage.thumbnails),
    images: files(storage.images),
    clips: files(storage.clips),
    events_count: rows.incidents.rows,
    detections_count: rows.alerts.rows,
    gpu_stats_count: rows.gpuSamples.rows,
    logs_count: rows.logLines.rows,
    files_truncated: storage.isTruncated,
    counts_estimated: Object.values(rows).some(({ isEstimate }) => isEstimate),
    timestamp: isoSeconds(storage.measuredAt),
  };
}
