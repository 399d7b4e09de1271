import {
  LogRuleDraft,
  alertLevels,
  logLevels,
  logSourceKinds,
  type LogRule,
  type OutputOf,
  type logmatchCount,
} from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../http/answer.js';
import { isoSeconds } from '../../../../http/query.js';

const of = LogRuleDraft.shape;

/** Which lines a rule on logs looks at, and in how long a window. */
const looksAt = {
  agent_id: of.agentId,
  source: of.source,
  source_name: of.sourceName,
  levels: of.levels,
  query: of.query,
  pattern: of.pattern,
  window_seconds: of.windowSeconds,
};

/** A rule on logs as somebody writes it. */
export const LogRuleBody = z.strictObject({
  id: of.id.describe('made of the name where it is left out'),
  name: of.name,
  enabled: of.enabled,
  ...looksAt,
  count: of.count.describe('so many lines within the window raise an alert'),
  critical_count: of.criticalCount.describe('so many make it critical'),
  level: of.level.describe('how bad it is at count'),
});

/** A rule that is tried: only what says which lines it looks at counts. */
export const LogRuleTrial = z.looseObject(looksAt);

/** A rule on logs. */
export const LogRuleView = z.object({
  id: z.string(),
  name: z.string(),
  enabled: z.boolean(),
  agent_id: z.string().nullable().describe('one host; null: each by itself'),
  source: z.enum(logSourceKinds).nullable(),
  source_name: z.string().nullable().describe('the unit, path, container or process'),
  levels: z.array(z.enum(logLevels)).nullable(),
  query: z.string().nullable(),
  pattern: z.string().nullable().describe('in the syntax of RE2'),
  count: z.int(),
  critical_count: z.int().nullable(),
  window_seconds: z.int(),
  level: z.enum(alertLevels),
});

/** What a rule finds now. */
export const LogMatches = z.object({
  from: isoTime,
  to: isoTime,
  total: z.int().describe('lines, those of all agents that are listed'),
  agents: z
    .array(
      z.object({
        agent_id: z.string(),
        count: z.int(),
        examples: z.array(z.object({ timestamp: isoTime, name: z.string(), message: z.string() })),
      }),
    )
    .describe('those with most lines first, at most 1000'),
});

/** What somebody wrote, as a draft; whether it is a rule is for the service of alerts to say. */
export function toLogRuleDraft(body: z.infer<typeof LogRuleBody>): LogRuleDraft {
  const { agent_id, source_name, critical_count, window_seconds, ...rest } = body;
  return {
    ...rest,
    agentId: agent_id,
    sourceName: source_name,
    criticalCount: critical_count,
    windowSeconds: window_seconds,
  };
}

/** See {@link LogRuleView}. */
export function toLogRuleView(rule: LogRule): z.infer<typeof LogRuleView> {
  const { agentId, sourceName, criticalCount, windowSeconds, ...rest } = rule;
  return {
    ...rest,
    agent_id: agentId,
    source_name: sourceName,
    critical_count: criticalCount,
    window_seconds: windowSeconds,
  };
}

/** What a trial asks at an instant (milliseconds since 1970). */
export function toFilter(
  { agent_id, source_name, window_seconds, ...trial }: z.infer<typeof LogRuleTrial>,
  at: number,
) {
  const { source, levels, query, pattern } = trial;
  return {
    agentId: agent_id,
    source,
    name: source_name,
    levels,
    query,
    pattern,
    from: at - window_seconds * 1000,
    to: at,
  };
}

/** See {@link LogMatches}. */
export function toMatches(
  { agents }: OutputOf<typeof logmatchCount>,
  { from, to }: { from: number; to: number },
): z.infer<typeof LogMatches> {
  return {
    from: isoSeconds(from),
    to: isoSeconds(to),
    total: agents.reduce((sum, agent) => sum + agent.count, 0),
    agents: agents.map(({ agentId, examples, ...rest }) => ({
      agent_id: agentId,
      ...rest,
      examples: examples.map(({ time, ...line }) => ({ timestamp: isoSeconds(time), ...line })),
    })),
  };
}
