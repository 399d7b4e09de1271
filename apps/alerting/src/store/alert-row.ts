import type { Alert, AlertLevel, AlertResource, AffectedResource, Resolution } from '@lapwing/contracts';
import type { Track } from '../domain/track.js';

/** An alert as the database has it. */
export interface AlertRow {
  occurrence: number;
  id: string;
  level: AlertLevel;
  signal: string;
  resource: AlertResource;
  message: string;
  why: string;
  value: number;
  threshold: number;
  clearThreshold: number;
  unit: string;
  score: number;
  track: Track;
  startedAt: number;
  lastSeenAt: number;
  resolvedAt: number | null;
  resolution: Resolution | null;
  acknowledgedAt: number | null;
  acknowledgedBy: string | null;
  affected: AffectedResource[];
  affectedCount: number;
  flapping: boolean;
  inhibitedBy: string | null;
  quiet: string;
  incidentId: number | null;
  lastNotifiedAt: number | null;
  escalatedAt: number[];
}

/** The columns of {@link AlertRow}, of `alerting.alert a`. */
export const alertColumns = `a.occurrence, a.alert_id AS id, a.level, a.signal, a.resource, a.message, a.why, a.value, a.threshold,
  a.clear_threshold AS "clearThreshold", a.unit, a.score, a.track, a.started_at AS "startedAt", a.last_seen_at AS "lastSeenAt",
  a.resolved_at AS "resolvedAt", a.resolution, a.acknowledged_at AS "acknowledgedAt", a.acknowledged_by AS "acknowledgedBy", a.affected,
  a.affected_count AS "affectedCount", a.flapping, a.inhibited_by AS "inhibitedBy", a.quiet, a.incident_id AS "incidentId",
  a.last_notified_at AS "lastNotifiedAt",
  ARRAY(SELECT (extract(epoch FROM e) * 1000)::float8 FROM unnest(a.escalated_at) e) AS "escalatedAt"`;

/** An alert as others see it. */
export function alertOf({ track, escalatedAt, ...row }: AlertRow): Alert {
  const whole = (time: number): number => Math.round(time);
  return { ...row, samples: track.samples, escalatedAt: escalatedAt.map(whole) };
}
