import type { MeasureStatistics, OutputOf, pipelineGet, queuesGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';

const milliseconds = z.number().describe('milliseconds');

/** The home-security form of how long something took; null where nothing was measured. */
export const Latency = z
  .object({
    avg_ms: milliseconds,
    min_ms: milliseconds,
    max_ms: milliseconds,
    p50_ms: milliseconds,
    p95_ms: milliseconds,
    p99_ms: milliseconds,
    sample_count: z.int(),
  })
  .nullable();

/** The home-security form of the pipeline: what waits, and how long its stages take. */
export const Telemetry = z.object({
  queues: z.object({ detection_queue: z.int(), analysis_queue: z.int() }),
  latencies: z.object({ watch: Latency, detect: Latency, batch: Latency, analyze: Latency }),
  timestamp: isoTime,
});

/** Microseconds are as much as anybody measures. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000;

/** How long something took. */
export function toLatency(measured: MeasureStatistics | null): z.infer<typeof Latency> {
  return (
    measured && {
      avg_ms: rounded(measured.avg),
      min_ms: rounded(measured.min),
      max_ms: rounded(measured.max),
      p50_ms: rounded(measured.p50),
      p95_ms: rounded(measured.p95),
      p99_ms: rounded(measured.p99),
      sample_count: measured.count,
    }
  );
}

/** The pipeline as it is now. */
export function toTelemetry(
  { detection, analysis }: OutputOf<typeof queuesGet>,
  { measures }: OutputOf<typeof pipelineGet>,
  now: number,
): z.infer<typeof Telemetry> {
  const { watch, detect, batch, analyze } = measures;
  return {
    queues: { detection_queue: detection, analysis_queue: analysis },
    latencies: {
      watch: toLatency(watch),
      detect: toLatency(detect),
      batch: toLatency(batch),
      analyze: toLatency(analyze),
    },
    timestamp: isoSeconds(now),
  };
}
