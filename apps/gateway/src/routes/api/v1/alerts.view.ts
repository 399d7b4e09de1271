import {
  LapwingError,
  MAX_LOG_RULES,
  alertChanges,
  alertLevels,
  resolutions,
  resourceTypes,
  type Alert,
  type AlertConfig,
  type PayloadOf,
  type Threshold,
  type alertChanged,
} from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../http/answer.js';
import { isoSeconds } from '../../../http/query.js';
import { Severity, severityOf } from '../system/severity.view.js';
import { LogRuleBody, LogRuleView, toLogRuleDraft, toLogRuleView } from './alerts/log-rules.view.js';

/** An alert as Tyto's API shows it, with what Lapwing knows beside. */
export const AlertView = z.object({
  id: z.string(),
  type: z.string().describe('what breached, e.g. cpu'),
  level: z.enum(alertLevels),
  value: z.number(),
  threshold: z.number(),
  agent_id: z.string().describe('the agent; of what has none, the resource'),
  created_at: isoTime,
  acknowledged: z.boolean(),
  acknowledged_at: isoTime.nullable(),
  acknowledged_by: z.string().nullable(),
  last_seen_at: isoTime,
  resolved_at: isoTime.nullable(),
  resolution: z.enum(resolutions).nullable(),
  resource_id: z.string(),
  resource_name: z.string(),
  resource_type: z.enum(resourceTypes),
  node: z.string(),
  instance: z.string(),
  message: z.string(),
  unit: z.string(),
  clear_threshold: z.number(),
  score: z.int(),
  severity: Severity,
  flapping: z.boolean(),
  quiet: z.string().describe('why nobody was told; empty when somebody was'),
  inhibited_by: z.string().nullable(),
  affected_count: z.int(),
  incident_id: z.int().nullable(),
});

/** The same, with what it was decided on. */
export const AlertDetail = AlertView.extend({
  why: z.string(),
  samples: z.array(z.object({ timestamp: isoTime, value: z.number() })),
  affected: z.array(z.object({ id: z.string(), name: z.string(), type: z.enum(resourceTypes) })),
});

/** Something that happened to an alert. */
export const ChangeView = z.object({ change: z.enum(alertChanges), alert: AlertDetail, time: isoTime });

/** An instant that there may not be. */
export const isoOrNull = (time: number | null): string | null => (time === null ? null : isoSeconds(time));

/** The agent that an alert is about: parts of a host have ids of their own. */
function agentOf({ resource: { id, type, instance } }: Alert): string {
  const isPartOfHost = instance !== '' && (type === 'host' || type === 'log' || id.startsWith(`${instance}-disk-`));
  return isPartOfHost ? instance : id;
}

/** See {@link AlertView}. */
export function toAlertView(alert: Alert): z.infer<typeof AlertView> {
  const { resource, score } = alert;
  return {
    id: alert.id,
    type: alert.signal,
    level: alert.level,
    value: alert.value,
    threshold: alert.threshold,
    agent_id: agentOf(alert),
    created_at: isoSeconds(alert.startedAt),
    acknowledged: alert.acknowledgedAt !== null,
    acknowledged_at: isoOrNull(alert.acknowledgedAt),
    acknowledged_by: alert.acknowledgedBy,
    last_seen_at: isoSeconds(alert.lastSeenAt),
    resolved_at: isoOrNull(alert.resolvedAt),
    resolution: alert.resolution,
    resource_id: resource.id,
    resource_name: resource.name,
    resource_type: resource.type,
    node: resource.node,
    instance: resource.instance,
    message: alert.message,
    unit: alert.unit,
    clear_threshold: alert.clearThreshold,
    score,
    severity: severityOf(score),
    flapping: alert.flapping,
    quiet: alert.quiet,
    inhibited_by: alert.inhibitedBy,
    affected_count: alert.affectedCount,
    incident_id: alert.incidentId,
  };
}

/** See {@link AlertDetail}. */
export function toAlertDetail(alert: Alert): z.infer<typeof AlertDetail> {
  const { why, affected } = alert;
  const samples = alert.samples.map(([time, value]) => ({ timestamp: isoSeconds(time), value }));
  return { ...toAlertView(alert), why, samples, affected };
}

/** See {@link ChangeView}. */
export function toChangeView({ change, alert, time }: PayloadOf<typeof alertChanged>): z.infer<typeof ChangeView> {
  return { change, alert: toAlertDetail(alert), time: isoSeconds(time) };
}

const metrics = ['cpu', 'memory', 'disk'] as const;
type Metric = (typeof metrics)[number];
const percent = z.number().min(0).max(100);
const Pair = z.object({ warning: percent, critical: percent });

/** Tyto's thresholds, which hosts with an agent have. */
export const TytoConfig = z.object({
  cpu: Pair,
  memory: Pair,
  disk: Pair,
  log_rules: z.array(LogRuleView).describe('rules on logs'),
});

const Change = Pair.partial().optional();
/** What changes them. */
export const TytoChanges = z.strictObject(
  {
    cpu: Change,
    memory: Change,
    disk: Change,
    log_rules: z.array(LogRuleBody).max(MAX_LOG_RULES).optional().describe('all rules on logs that there shall be'),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? `only ${metrics.join(', ')}, log_rules` : undefined) },
);

const GAP = 5;
const CRITICAL_GAP = 10;
const off: Threshold = { trigger: 0, clear: 0, critical: null };

/** Tyto knows no threshold without a second level: where there is none, that is 10 above the first; of one that is off, both are 0. */
function pairOf({ trigger, critical }: Threshold): z.infer<typeof Pair> {
  const second = trigger === 0 ? 0 : Math.min(100, critical ?? trigger + CRITICAL_GAP);
  return { warning: trigger, critical: second };
}

/** See {@link TytoConfig}. */
export function toTytoConfig({ hostDefaults, logRules }: AlertConfig): z.infer<typeof TytoConfig> {
  const pair = (metric: Metric) => pairOf(hostDefaults[metric] ?? off);
  return { cpu: pair('cpu'), memory: pair('memory'), disk: pair('disk'), log_rules: logRules.map(toLogRuleView) };
}

/**
 * Thresholds as Tyto writes them, as changes of the rules: `warning` is where an alert begins, and 0 switches it off; where it ends keeps its
 * place while that is below.
 * @throws LapwingError `INVALID_INPUT` when `warning` would be above `critical`.
 */
export function toHostDefaults(
  changes: z.infer<typeof TytoChanges>,
  { hostDefaults }: AlertConfig,
): Partial<Record<Metric, Threshold>> {
  const changed = metrics.flatMap((metric): [Metric, Threshold][] => {
    const change = changes[metric];
    const threshold = change && changedThreshold(metric, change, hostDefaults[metric] ?? off);
    return threshold ? [[metric, threshold]] : [];
  });
  return Object.fromEntries(changed);
}

/** What somebody changes of the thresholds of hosts and of the rules on logs, in the words of the rules. */
export function toTytoPatch(changes: z.infer<typeof TytoChanges>, inForce: AlertConfig): Record<string, unknown> {
  const hostDefaults = toHostDefaults(changes, inForce);
  return {
    ...(Object.keys(hostDefaults).length > 0 && { hostDefaults }),
    ...(changes.log_rules && { logRules: changes.log_rules.map(toLogRuleDraft) }),
  };
}

function changedThreshold(
  metric: Metric,
  { warning, critical }: { warning?: number; critical?: number },
  inForce: Threshold,
): Threshold | undefined {
  if (warning === undefined && critical === undefined) return undefined;
  if (warning === 0) return off;
  const trigger = warning ?? inForce.trigger;
  if (trigger === 0) throw new LapwingError('INVALID_INPUT', `"${metric}" is off: "warning" must be given, too`);
  const second = critical ?? inForce.critical;
  if (second !== null && second < trigger)
    throw new LapwingError('INVALID_INPUT', `"${metric}": "warning" (${trigger}) is above "critical" (${second})`);
  const clear = inForce.clear >= trigger || inForce.trigger === 0 ? Math.max(0, trigger - GAP) : inForce.clear;
  return { trigger, clear, critical: second };
}
