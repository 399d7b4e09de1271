import type { AlertConfig, InputOf, LogRule, logmatchCount } from '@lapwing/contracts';
import { hashOf } from './partition.js';

const PREFIX = 'log:';

/** What a rule on logs belongs to a partition by. */
export const logRoot = (ruleId: string): string => `${PREFIX}${ruleId}`;

/** The scopes of all rules on logs begin so. */
export const LOG_SCOPES = PREFIX;

/** The scope of a rule on logs: another one when it looks at other lines, so that what was open by the lines of before is over. */
export function logScope({ id, agentId, source, sourceName, levels, query, pattern, windowSeconds }: LogRule): string {
  const looksAt = JSON.stringify([agentId, source, sourceName, levels, query, pattern, windowSeconds]);
  return `${logRoot(id)}:${hashOf(looksAt).toString(36)}`;
}

/** The logs of a host as a rule sees them, as a resource: neither ids of rules nor of agents have a colon. */
export const logResourceId = (ruleId: string, agentId: string): string => `${logRoot(ruleId)}:${agentId}`;

/** The rules on logs that hold. */
export const rulesInForce = ({ enabled, logRules }: AlertConfig): LogRule[] =>
  enabled ? logRules.filter((rule) => rule.enabled) : [];

/** The rule that a resource of {@link logResourceId} is about; undefined when it does not hold any more. */
export function ruleOfResource({ logRules }: AlertConfig, resourceId: string): LogRule | undefined {
  const [, ruleId] = resourceId.split(':');
  return logRules.find(({ id, enabled }) => enabled && id === ruleId);
}

/** The lines that a rule counts at an instant (milliseconds since 1970): those of the window that ends there. */
export function filterAt(rule: LogRule, at: number): InputOf<typeof logmatchCount>['filter'] {
  const { agentId, source, sourceName: name, levels, query, pattern, windowSeconds } = rule;
  return { agentId, source, name, levels, query, pattern, stream: null, from: at - windowSeconds * 1000, to: at };
}

const MAX_SLUG = 50;

/**
 * Rules as somebody wrote them, each with an id: where there is none it is made of the name, so that the same rules have the same ids when they
 * are sent once more. What is no rule is left as it is.
 */
export function withIds(rules: unknown): unknown {
  if (!Array.isArray(rules)) return rules;
  const idOf = (rule: unknown): unknown => (isFields(rule) ? rule['id'] : undefined);
  const taken = new Set(rules.map(idOf));
  return rules.map((rule: unknown) => {
    if (!isFields(rule) || (idOf(rule) ?? '') !== '') return rule;
    const id = freeId(typeof rule['name'] === 'string' ? rule['name'] : '', taken);
    taken.add(id);
    return { ...rule, id };
  });
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function freeId(name: string, taken: ReadonlySet<unknown>): string {
  const words =
    name
      .slice(0, 200)
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? [];
  const slug = words.join('-').slice(0, MAX_SLUG) || 'rule';
  let id = slug;
  for (let count = 2; taken.has(id); count++) id = `${slug}-${count}`;
  return id;
}
