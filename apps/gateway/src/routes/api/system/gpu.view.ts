import type { HostSample, OutputOf, gpuHistoryGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

type Reading = OutputOf<typeof gpuHistoryGet>['samples'][number];

const MIB = 2 ** 20;
const FRESH_MS = 600_000;
const mebibytes = (bytes: number | null | undefined): number | null =>
  bytes === null || bytes === undefined ? null : Math.round(bytes / MIB);

const figures = {
  gpu_name: z.string().nullable(),
  utilization: z.number().nullable().describe('percent'),
  memory_used: z.int().nullable().describe('MiB'),
  memory_total: z.int().nullable().describe('MiB'),
  temperature: z.number().nullable().describe('°C'),
  power_usage: z.number().nullable().describe('watts'),
  inference_fps: z.null(),
};

/** The home-security form of a card. */
export const Gpu = z.object(figures);

/** The home-security form of a card's history, oldest first. */
export const GpuHistory = z.object({
  samples: z.array(z.object({ recorded_at: isoTime, ...figures })),
  count: z.int(),
  limit: z.int(),
});

/** The first card; every field is null without a card, or when the reading is old. */
export function toGpu(sample: HostSample, now: number): z.infer<typeof Gpu> {
  const fresh = now - sample.time < FRESH_MS && !sample.stale.includes('gpu');
  const card = fresh ? sample.gpu.gpus.toSorted((a, b) => a.index - b.index)[0] : undefined;
  return {
    gpu_name: card?.name ?? null,
    utilization: card?.utilization ?? null,
    memory_used: mebibytes(card?.memoryUsed),
    memory_total: mebibytes(card?.memoryTotal),
    temperature: card?.temperature ?? null,
    power_usage: card?.powerWatts ?? null,
    inference_fps: null,
  };
}

/** The readings of a card. */
export function toGpuHistory(samples: Reading[], limit: number): z.infer<typeof GpuHistory> {
  const rows = samples.map((reading) => ({
    recorded_at: isoSeconds(reading.time),
    gpu_name: reading.name,
    utilization: reading.utilization,
    memory_used: mebibytes(reading.memoryUsed),
    memory_total: mebibytes(reading.memoryTotal),
    temperature: reading.temperature,
    power_usage: reading.powerWatts,
    inference_fps: null,
  }));
  return { samples: rows, count: rows.length, limit };
}
