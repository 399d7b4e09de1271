import { deliveryStatuses, type Delivery } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';
import { isoOrNull } from './alerts.view.js';

/** One message to one channel, and what became of it. */
export const DeliveryView = z.object({
  id: z.uuid().describe('the receiver gets it, too'),
  channel: z.enum(['email', 'webhook']),
  channel_id: z.string().nullable(),
  name: z.string(),
  service: z.string(),
  target: z.string(),
  kind: z.enum(['firing', 'resolved', 'escalation', 'summary', 'test']),
  alert_ids: z.array(z.string()).describe('the worst first, 100 at most'),
  alerts: z.int(),
  status: z.enum(deliveryStatuses),
  attempts: z.int(),
  code: z.int().nullable().describe('HTTP status or SMTP code of the last answer'),
  error: z.string(),
  decided_at: isoTime,
  queued_at: isoTime.nullable(),
  attempted_at: isoTime.nullable(),
  ended_at: isoTime.nullable(),
  next_at: isoTime.nullable().describe('when it is tried again'),
  took_ms: z.int().nullable().describe('from the decision to the end'),
  size: z.int(),
});

/** See {@link DeliveryView}. */
export function toDeliveryView(delivery: Delivery): z.infer<typeof DeliveryView> {
  const { channelId, alertIds, decidedAt, queuedAt, attemptedAt, endedAt, nextAt, ...rest } = delivery;
  return {
    ...rest,
    channel_id: channelId,
    alert_ids: alertIds,
    decided_at: isoSeconds(decidedAt),
    queued_at: isoOrNull(queuedAt),
    attempted_at: isoOrNull(attemptedAt),
    ended_at: isoOrNull(endedAt),
    next_at: isoOrNull(nextAt),
    took_ms: endedAt === null ? null : endedAt - decidedAt,
  };
}
