import { AgentId, type AlertConfig, type ExcursionLimit, type ExcursionMetric } from '@lapwing/contracts';
import { replayedResource } from './replay.js';
import { ruleFor } from './rules.js';

/** What is a breach of which figure; a figure that is missing is not wanted. */
export type MetricLimits = Partial<Record<ExcursionMetric, ExcursionLimit>>;

/** A name that no host has: what holds for it holds for all of whom nobody has said anything. */
const NOBODY = ' ';

/** What the rules say of a host's figures. */
export function limitsOf(config: AlertConfig, agentId: string, metrics: readonly ExcursionMetric[]): MetricLimits {
  return Object.fromEntries(
    metrics.flatMap((metric) => {
      const rule = ruleFor(config, replayedResource(agentId, metric), metric);
      if (!rule) return [];
      const { trigger, clear, critical, delayMs } = rule;
      return [[metric, { trigger, clear, critical, delaySeconds: delayMs / 1000 }]];
    }),
  );
}

/**
 * What the rules say of the figures of all hosts, and of those for which they say something else.
 * @param agentIds whom it is about; all when null.
 */
export function limitsOfAll(
  config: AlertConfig,
  metrics: readonly ExcursionMetric[],
  agentIds: readonly string[] | null,
): { limits: MetricLimits; special: Record<string, MetricLimits> } {
  const limits = limitsOf(config, NOBODY, metrics);
  const usual = JSON.stringify(limits);
  const wanted = agentIds && new Set(agentIds);
  const special = [...mentioned(config)]
    .filter((id) => !wanted || wanted.has(id))
    .map((id): [string, MetricLimits] => [id, limitsOf(config, id, metrics)])
    .filter(([, own]) => JSON.stringify(own) !== usual);
  return { limits, special: Object.fromEntries(special) };
}

/** The hosts of which the rules may say something of their own, themselves or through their root file system. */
function mentioned({ overrides, timeThresholds, metricTimeThresholds }: AlertConfig): Set<string> {
  const keys = [overrides, timeThresholds, metricTimeThresholds].flatMap((record) => Object.keys(record));
  const ids = keys.flatMap((key) => [key, key.replace(/-disk-root$/, '')]);
  return new Set(ids.filter((id) => AgentId.safeParse(id).success));
}
