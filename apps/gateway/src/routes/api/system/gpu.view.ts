import type { HostSample, OutputOf, gpuHistoryGet } from '@lapwing/contracts';
import { isoSeconds } from '../../../http/query.js';

type Reading = OutputOf<typeof gpuHistoryGet>['samples'][number];

const MIB = 2 ** 20;
const FRESH_MS = 600_000;
const mebibytes = (bytes: number | null | undefined): number | null =>
  bytes === null || bytes === undefined ? null : Math.round(bytes / MIB);

/** The home-security form of a card; every field is null without a card, or when the reading is old. */
export function toGpu(sample: HostSample, now: number) {
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

/** The home-security form of a card's history. */
export function toGpuHistory(samples: Reading[], limit: number) {
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
