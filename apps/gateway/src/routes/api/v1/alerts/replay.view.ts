import { alertLevels, alertReplay, replayMetrics, type OutputOf } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../http/answer.js';
import { instant, isoSeconds } from '../../../../http/query.js';
import { isoOrNull } from '../alerts.view.js';

const { metrics, limit } = alertReplay.input.shape;

/** Which stretch of time shall be judged, by which rules. */
export const ReplayBody = z.object({
  from: instant,
  to: instant,
  config: z.record(z.string(), z.unknown()).default({}).describe('what of the rules shall be otherwise'),
  metrics,
  resource_ids: alertReplay.input.shape.resourceIds,
  limit,
});

/** What would have been told with other rules. */
export const Replay = z.object({
  alerts: z
    .array(
      z.object({
        id: z.string(),
        resource_id: z.string(),
        metric: z.enum(replayMetrics),
        level: z.enum(alertLevels),
        started_at: isoTime,
        fired_at: isoTime,
        resolved_at: isoTime.nullable(),
        peak: z.number(),
        quiet: z.string().describe('why nobody would have been told'),
      }),
    )
    .describe('the first ones, by time'),
  total: z.int(),
  messages: z.int().describe('through each channel, those of recovery included'),
  recovery_messages: z.int(),
  hosts: z.int(),
  judged: z.int().describe('minutes of readings, hosts and metrics counted'),
  took_ms: z.number(),
});

/** See {@link Replay}. */
export function toReplay(answer: OutputOf<typeof alertReplay>): z.infer<typeof Replay> {
  const { alerts, recoveryMessages, tookMs, ...counts } = answer;
  return {
    alerts: alerts.map(({ resourceId, startedAt, firedAt, resolvedAt, ...rest }) => ({
      ...rest,
      resource_id: resourceId,
      started_at: isoSeconds(startedAt),
      fired_at: isoSeconds(firedAt),
      resolved_at: isoOrNull(resolvedAt),
    })),
    ...counts,
    recovery_messages: recoveryMessages,
    took_ms: tookMs,
  };
}
