import { AffectedResource, alertLevels, resolutions, resourceTypes, type Alert } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { Severity, severityOf } from '../system/severity.view.js';

/** An alert as Pulse's state shows it. */
export const StateAlert = z.object({
  id: z.string(),
  type: z.string().describe('what breached, e.g. cpu'),
  level: z.enum(alertLevels),
  resourceId: z.string(),
  resourceName: z.string(),
  node: z.string(),
  instance: z.string(),
  message: z.string(),
  value: z.number(),
  threshold: z.number(),
  startTime: isoTime,
  acknowledged: z.boolean(),
  ackTime: isoTime.optional(),
  ackUser: z.string().optional(),
});

/** An alert as Pulse's clients know it, with what it was decided on. */
export const PulseAlert = StateAlert.extend({
  resourceType: z.enum(resourceTypes),
  lastSeen: isoTime,
  metadata: z.object({
    resourceType: z.enum(resourceTypes),
    clearThreshold: z.number(),
    unit: z.string(),
    score: z.int().describe('0 to 100: how much it matters'),
    severity: Severity,
    why: z.string().describe('why it was decided so'),
    samples: z.array(z.object({ timestamp: z.int().describe('milliseconds since 1970'), value: z.number() })),
    flapping: z.boolean(),
    inhibitedBy: z.string().optional().describe('the alert that keeps this one quiet'),
    quiet: z.string().optional().describe('why nobody was told'),
    affected: z.array(AffectedResource).describe('what is away because of this, the first 100'),
    affectedCount: z.int(),
    incidentId: z.int().nullable(),
  }),
  lastNotified: isoTime.optional(),
  escalationTimes: z.array(isoTime).optional(),
});

/** An alert of before or of now. */
export const PastAlert = PulseAlert.extend({
  resolvedAt: isoTime.nullable().describe('null while it is open'),
  resolution: z.enum(resolutions).nullable(),
});

const iso = (time: number): string => new Date(time).toISOString();

/** See {@link StateAlert}. */
export function toStateAlert(alert: Alert): z.infer<typeof StateAlert> {
  const { id, signal, level, resource, message, value, threshold, acknowledgedAt, acknowledgedBy } = alert;
  return {
    id,
    type: signal,
    level,
    resourceId: resource.id,
    resourceName: resource.name,
    node: resource.node,
    instance: resource.instance,
    message,
    value,
    threshold,
    startTime: iso(alert.startedAt),
    acknowledged: acknowledgedAt !== null,
    ...(acknowledgedAt !== null && { ackTime: iso(acknowledgedAt) }),
    ...(acknowledgedBy !== null && { ackUser: acknowledgedBy }),
  };
}

/** See {@link PulseAlert}. */
export function toPulseAlert(alert: Alert): z.infer<typeof PulseAlert> {
  const { resource, score, inhibitedBy, quiet, lastNotifiedAt, escalatedAt } = alert;
  return {
    ...toStateAlert(alert),
    resourceType: resource.type,
    lastSeen: iso(alert.lastSeenAt),
    metadata: {
      resourceType: resource.type,
      clearThreshold: alert.clearThreshold,
      unit: alert.unit,
      score,
      severity: severityOf(score),
      why: alert.why,
      samples: alert.samples.map(([timestamp, value]) => ({ timestamp, value })),
      flapping: alert.flapping,
      ...(inhibitedBy !== null && { inhibitedBy }),
      ...(quiet !== '' && { quiet }),
      affected: alert.affected,
      affectedCount: alert.affectedCount,
      incidentId: alert.incidentId,
    },
    ...(lastNotifiedAt !== null && { lastNotified: iso(lastNotifiedAt) }),
    ...(escalatedAt.length > 0 && { escalationTimes: escalatedAt.map(iso) }),
  };
}

/** See {@link PastAlert}. */
export function toPastAlert(alert: Alert): z.infer<typeof PastAlert> {
  const { resolvedAt, resolution } = alert;
  return { ...toPulseAlert(alert), resolvedAt: resolvedAt === null ? null : iso(resolvedAt), resolution };
}
