import type { Incident } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';
import { Severity, severityOf } from '../system/severity.view.js';
import { isoOrNull } from './alerts.view.js';

/** Alerts of one installation that began close together. */
export const IncidentView = z.object({
  id: z.int(),
  instance: z.string(),
  opened_at: isoTime,
  last_at: isoTime.describe('when the last of its alerts began'),
  closed_at: isoTime.nullable().describe('since when no alert joins it any more'),
  resolved_at: isoTime.nullable().describe('when the last of its alerts was over'),
  score: z.int().describe('0 to 100: the greatest of its alerts'),
  severity: Severity,
  alerts: z.int(),
  open_alerts: z.int(),
});

/** See {@link IncidentView}. */
export function toIncidentView(incident: Incident): z.infer<typeof IncidentView> {
  const { id, instance, score, alerts } = incident;
  return {
    id,
    instance,
    opened_at: isoSeconds(incident.openedAt),
    last_at: isoSeconds(incident.lastAt),
    closed_at: isoOrNull(incident.closedAt),
    resolved_at: isoOrNull(incident.resolvedAt),
    score,
    severity: severityOf(score),
    alerts,
    open_alerts: incident.openAlerts,
  };
}
