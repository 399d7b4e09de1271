import { cleanLogName, type AlertResource, type LogRule, type OutputOf, type logmatchCount } from '@lapwing/contracts';
import { logResourceId, logScope } from '../log-rules.js';
import type { Look, Reading } from '../reading.js';

/** How many lines of each agent matched, most first. */
export type Matches = OutputOf<typeof logmatchCount>['agents'];

/** An answer of so many agents may have left some out. */
const MAX_ANSWERED = 1000;
/** A rule that matches everywhere tells of so many hosts, those with most lines. */
const MAX_HOSTS = 200;
const MAX_LINES = 3;
const MAX_LINE = 400;

/** What is known of a host beside how many lines matched. */
export interface LogHost {
  name: string;
  /** What it stands on, where it is a guest or a node of Proxmox. */
  parents: string[];
}

/**
 * What a rule's question told.
 * @param open what is open by this rule or waits for its delay: of a host whose lines are not in the answer nothing matches any more.
 * @param hostOf what is known of an agent's host; null when the agent is gone, and does not count.
 * @param at the end of the window, milliseconds since 1970.
 */
export function readMatches(
  rule: LogRule,
  matches: Matches,
  given: { open: readonly AlertResource[]; hostOf: (agentId: string) => LogHost | null; at: number },
): Look {
  const { open, hostOf, at } = given;
  const known = new Set(open.map(({ instance }) => instance));
  const counted = matches.flatMap((match) => {
    const host = known.has(match.agentId) || match.count >= rule.count ? hostOf(match.agentId) : null;
    return host ? [{ ...match, host }] : [];
  });
  const stillOver = counted.filter(({ agentId, count }) => known.has(agentId) && count >= rule.count).length;
  const fresh = counted
    .filter(({ agentId }) => !known.has(agentId))
    .toSorted((one, other) => other.count - one.count)
    .slice(0, Math.max(0, MAX_HOSTS - stillOver));
  const read = [...counted.filter(({ agentId }) => known.has(agentId)), ...fresh];
  const readings = read.map(({ agentId, count, examples, host }): Reading => {
    const detail = detailOf(rule, examples);
    return { resource: logResource(rule, agentId, host), signal: 'log-matches', value: count, detail };
  });
  return { scope: logScope(rule), time: at, readings: [...readings, ...unmatched(rule, matches, open)] };
}

/** An answer that is full may have left out a host with fewer lines than it names, but with enough of them. */
function unmatched(rule: LogRule, matches: Matches, open: readonly AlertResource[]): Reading[] {
  const named = new Set(matches.map(({ agentId }) => agentId));
  const fewest = matches.reduce((least, { count }) => Math.min(least, count), Number.POSITIVE_INFINITY);
  const value = matches.length >= MAX_ANSWERED && fewest >= rule.count ? null : 0;
  return open
    .filter(({ instance }) => !named.has(instance))
    .map((resource) => ({ resource, signal: 'log-matches', value, detail: detailOf(rule) }));
}

function logResource(rule: LogRule, agentId: string, { name, parents }: LogHost): AlertResource {
  return {
    id: logResourceId(rule.id, agentId),
    name: `"${rule.name}" on ${name}`.slice(0, 500),
    type: 'log',
    node: name,
    instance: agentId,
    parents: [...new Set([agentId, ...parents])].slice(0, 8),
  };
}

const UNITS: [name: string, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** A span as people say it, in the largest unit of which it is a multiple. */
function spanOf(seconds: number): string {
  const [name, size] = UNITS.find(([, length]) => seconds % length === 0) ?? ['second', 1];
  const count = seconds / size;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** The window, and below it the newest lines, each on a line of its own whatever it holds. */
function detailOf({ windowSeconds }: LogRule, examples: readonly { message: string }[] = []): string {
  const lines = examples.slice(0, MAX_LINES).map(({ message }) => cut(cleanLogName(message).trim()));
  return [spanOf(windowSeconds), ...lines.filter((line) => line !== '')].join('\n');
}

/** Never in the middle of a character. */
function cut(text: string): string {
  if (text.length <= MAX_LINE) return text;
  const end = MAX_LINE - 1;
  const isHalf = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return `${text.slice(0, isHalf ? end - 1 : end)}…`;
}
