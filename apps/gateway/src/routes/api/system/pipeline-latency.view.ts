import type { OutputOf, pipelineGet } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';
import { Latency, toLatency } from './telemetry.view.js';

/** The home-security form of what lies between the stages of the pipeline. */
export const PipelineLatency = z.object({
  watch_to_detect: Latency,
  detect_to_batch: Latency,
  batch_to_analyze: Latency,
  total_pipeline: Latency,
  window_minutes: z.int(),
  timestamp: isoTime,
});

/** What lay between the stages in the last so many minutes. */
export function toPipelineLatency(
  { measures }: OutputOf<typeof pipelineGet>,
  windowMinutes: number,
  now: number,
): z.infer<typeof PipelineLatency> {
  return {
    watch_to_detect: toLatency(measures.watchToDetect),
    detect_to_batch: toLatency(measures.detectToBatch),
    batch_to_analyze: toLatency(measures.batchToAnalyze),
    total_pipeline: toLatency(measures.total),
    window_minutes: windowMinutes,
    timestamp: isoSeconds(now),
  };
}
