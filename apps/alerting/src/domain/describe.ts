import type { AlertLevel, AlertResource, Resolution } from '@lapwing/contracts';
import { formatFigure, formatThreshold, signalInfo, signals, type Signal } from './signals.js';
import type { Rule } from './track.js';

const kinds: Record<AlertResource['type'], string> = {
  host: 'host',
  node: 'node',
  guest: 'guest',
  storage: 'storage',
  ceph: 'Ceph cluster',
  disk: 'disk',
  pbs: 'backup server',
  pmg: 'mail gateway',
  'docker-host': 'Docker host',
  'docker-container': 'container',
  log: 'log rule',
};

/** What is wrong, in one sentence for people. */
export function describeBreach(breach: {
  resource: AlertResource;
  signal: Signal;
  value: number;
  threshold: number;
  detail: string;
}): string {
  const { resource, signal, value, threshold, detail } = breach;
  const who = `${kinds[resource.type]} ${resource.name}`;
  if (signal === 'connectivity') return `${capital(who)} is not reachable${detail && `: ${detail}`}`;
  if (signal === 'powered-off') return `${capital(who)} is not running`;
  if (signal === 'log-matches') return describeMatches(resource.name, value, threshold, detail);
  const { label, unit } = signals[signal];
  if (detail) return `${label} of ${who}: ${detail}`;
  return `${label} of ${who} is at ${formatFigure(value, unit)} (threshold ${formatThreshold(threshold, unit)})`;
}

/** How many lines matched, and below what limit that would be fine; behind it the newest of them. */
function describeMatches(name: string, value: number, threshold: number, detail: string): string {
  const [span, ...lines] = detail.split('\n');
  const sentence = `${formatFigure(value, 'lines')} matched ${name} in ${span} (limit ${formatThreshold(threshold, '')})`;
  return lines.length === 0 ? sentence : `${sentence}: ${lines.join(' | ')}`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** That it is over, in one sentence for people: only what has recovered is fine again. */
export function describeRecovery(
  resource: AlertResource,
  signal: string,
  { resolution, why }: { resolution: Resolution | null; why: string },
): string {
  const who = `${kinds[resource.type]} ${resource.name}`;
  if (resolution !== 'recovered') return `${signalInfo(signal).label} of ${who}: no alert any more, ${why}`;
  if (signal === 'connectivity') return `${capital(who)} is reachable again`;
  if (signal === 'powered-off') return `${capital(who)} is running again`;
  if (signal === 'log-matches') return `${capital(who)} is over: ${why}`;
  return `${signalInfo(signal).label} of ${who} is over: ${why}`;
}

/** Why it was decided so, in one sentence. */
export function describeWhy(decision: {
  kind: 'fired' | 'level' | 'resolved';
  level: AlertLevel;
  value: number;
  rule: Rule | null;
  since: number;
  at: number;
  count: number;
  resolution: Resolution;
  unit: string;
}): string {
  const { kind, level, value, rule, since, at, count, resolution, unit } = decision;
  const figure = formatFigure(value, unit);
  if (kind === 'resolved' && resolution === 'disabled') return 'nobody wants to know of this any more';
  if (kind === 'resolved' && resolution === 'removed') return 'it is gone, or does not run any more';
  if (!rule) return '';
  const bound = formatThreshold(level === 'critical' ? (rule.critical ?? rule.trigger) : rule.trigger, unit);
  const beyond = rule.sign === 1 ? 'or more' : 'or less';
  if (kind === 'resolved')
    return `${figure}: fine again is ${formatThreshold(rule.clear, unit)} ${rule.sign === 1 ? 'or less' : 'or more'}`;
  if (kind === 'level') return `${figure}: ${level} is ${bound} ${beyond}, with the same hysteresis as the warning`;
  const lasted = Math.round((at - since) / 100) / 10;
  return `${figure}: ${level} is ${bound} ${beyond}; in breach for ${lasted} s in ${count} readings, ${rule.delayMs / 1000} s and ${rule.confirmations} asked for`;
}
