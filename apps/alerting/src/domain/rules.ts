import type {
  AlertConfig,
  AlertResource,
  ResourceType,
  Threshold,
  ThresholdMetric,
  Thresholds,
} from '@lapwing/contracts';
import { thresholdMetrics } from '@lapwing/contracts';
import { ruleOfResource } from './log-rules.js';
import { signals, type Signal } from './signals.js';
import type { Rule } from './track.js';

/** As far as critical lies above trigger where nobody has said (contract-notes C9). */
const CRITICAL_ABOVE = 10;
const OFFLINE_CONFIRMATIONS = 3;
const STATE_CONFIRMATIONS = 2;

/** A resource, as far as rules care. */
export type Ruled = Pick<AlertResource, 'id' | 'type' | 'parents'>;

const isMetric = (signal: Signal): signal is Signal & ThresholdMetric =>
  (thresholdMetrics as readonly string[]).includes(signal);

/** The rule for a signal of a resource; null when nobody wants to know. */
export function ruleFor(config: AlertConfig, resource: Ruled, signal: Signal): Rule | null {
  if (!config.enabled || isSwitchedOff(config, resource, signal)) return null;
  const delayMs = delaySeconds(config, resource, signal) * 1000;
  if (isMetric(signal)) return metricRule(config, resource, signal, delayMs);
  const rule = stateRule(config, resource, signal);
  return rule && { ...rule, delayMs };
}

/** What is set for a resource alone; a file system is looked up as what it belongs to, too. */
export function overrideOf({ overrides }: AlertConfig, { id, type, parents: [owner] }: Ruled): Thresholds | undefined {
  const isFilesystem = (type === 'guest' || type === 'host') && owner !== undefined && id.startsWith(`${owner}-disk-`);
  return own(overrides, id) ?? (isFilesystem ? own(overrides, owner) : undefined);
}

/** Resources are named by others: none is to find what every object has. */
const own = <T>(values: Record<string, T>, name: string): T | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

const wholeKinds: Partial<Record<ResourceType, [all: keyof AlertConfig, offline?: keyof AlertConfig]>> = {
  host: ['disableAllHosts', 'disableAllHostsOffline'],
  node: ['disableAllNodes', 'disableAllNodesOffline'],
  guest: ['disableAllGuests', 'disableAllGuestsOffline'],
  storage: ['disableAllStorage'],
  pbs: ['disableAllPBS', 'disableAllPBSOffline'],
  pmg: ['disableAllPMG', 'disableAllPMGOffline'],
  'docker-host': ['disableAllDockerHosts', 'disableAllDockerHostsOffline'],
  'docker-container': ['disableAllDockerContainers'],
};

function isSwitchedOff(config: AlertConfig, resource: Ruled, signal: Signal): boolean {
  const override = overrideOf(config, resource);
  const defaults = defaultsOf(config, resource.type);
  const [all, offline] = wholeKinds[resource.type] ?? [];
  const isOffline = signals[signal].category === 'offline';
  const disabled = override?.disabled ?? defaults?.disabled;
  const disconnected = override?.disableConnectivity ?? defaults?.disableConnectivity;
  return (
    disabled === true ||
    (all !== undefined && config[all] === true) ||
    (isOffline && (disconnected === true || (offline !== undefined && config[offline] === true)))
  );
}

function defaultsOf(config: AlertConfig, type: ResourceType): Thresholds | undefined {
  if (type === 'host') return config.hostDefaults;
  if (type === 'node' || type === 'pbs' || type === 'pmg') return config.nodeDefaults;
  if (type === 'guest') return config.guestDefaults;
  if (type === 'docker-container') return config.dockerDefaults;
  if (type === 'storage') return { usage: config.storageDefault };
  return undefined;
}

/** Seconds for which a breach must last (contract-notes A22). */
export function delaySeconds(config: AlertConfig, { id, type }: Ruled, signal: Signal): number {
  const { metricTimeThresholds: byMetric, timeThresholds: byResource } = config;
  const names = [id, type];
  const found = names.flatMap((name) => {
    const metrics = own(byMetric, name);
    return metrics?.[signal] ?? metrics?.['default'] ?? [];
  });
  if (found[0] !== undefined) return found[0];
  const ofResource = own(byResource, id);
  // How long something must be away says the number of looks that missed it.
  if (signals[signal].category === 'offline' && ofResource === undefined) return 0;
  return ofResource ?? byResource[type] ?? 0;
}

function metricRule(config: AlertConfig, resource: Ruled, signal: ThresholdMetric, delayMs: number): Rule | null {
  const threshold = overrideOf(config, resource)?.[signal] ?? defaultsOf(config, resource.type)?.[signal];
  if (!threshold || threshold.trigger <= 0) return null;
  const { trigger, clear } = threshold;
  return { trigger, clear, critical: criticalOf(threshold, signal), sign: 1, delayMs, confirmations: 1 };
}

function criticalOf({ trigger, critical }: Threshold, signal: ThresholdMetric): number {
  if (critical !== null) return critical;
  return signals[signal].unit === '%'
    ? Math.max(trigger, Math.min(100, trigger + CRITICAL_ABOVE))
    : trigger + CRITICAL_ABOVE;
}

type Plain = Omit<Rule, 'delayMs'>;

/** A state: 1 is a warning, 2 critical; or 1 already, where it is that bad. Half a state of hysteresis: from 2 to 1 it is better indeed. */
const state = (critical: number | null, confirmations = 1): Plain => ({
  trigger: 1,
  clear: 0.5,
  critical,
  sign: 1,
  confirmations,
});

/** A figure that is fine just below its warning; 0 is none. */
function atLeast(warning: number, critical: number, clearShare = 0.95): Plain | null {
  if (warning <= 0 && critical <= 0) return null;
  const trigger = warning > 0 ? warning : critical;
  return { trigger, clear: trigger * clearShare, critical: critical > 0 ? critical : null, sign: 1, confirmations: 1 };
}

function atMost(enabled: boolean, warning: number, critical: number): Plain | null {
  if (!enabled) return null;
  return { trigger: warning, clear: warning + 1, critical, sign: -1, confirmations: 1 };
}

function aged({ enabled, warningDays, criticalDays }: AlertConfig['backupDefaults']): Plain | null {
  return enabled ? atLeast(warningDays, criticalDays, 0.99) : null;
}

function stateRule(config: AlertConfig, resource: Ruled, signal: Signal): Plain | null {
  const { pmgThresholds: mail, dockerDefaults: docker, diskDefaults: disk, certificateDefaults: certificate } = config;
  const off = overrideOf(config, resource)?.poweredOffSeverity ?? config.guestDefaults.poweredOffSeverity;
  const rules: Partial<Record<Signal, () => Plain | null>> = {
    connectivity: () => offlineRule(resource),
    'powered-off': () => state(off === 'critical' ? 1 : null, STATE_CONFIRMATIONS),
    'zfs-errors': () => state(null),
    'disk-health': () => state(1),
    'disk-life': () => atMost(disk.enabled, disk.lifeLeftWarning, disk.lifeLeftCritical),
    'queue-depth': () => atLeast(mail.queueTotalWarning, mail.queueTotalCritical),
    'queue-deferred': () => atLeast(mail.deferredQueueWarn, mail.deferredQueueCritical),
    'queue-hold': () => atLeast(mail.holdQueueWarn, mail.holdQueueCritical),
    'message-age': () => atLeast(mail.oldestMessageWarnMins, mail.oldestMessageCritMins),
    'quarantine-spam': () => atLeast(mail.quarantineSpamWarn, mail.quarantineSpamCritical),
    'quarantine-virus': () => atLeast(mail.quarantineVirusWarn, mail.quarantineVirusCritical),
    'quarantine-growth': () => atLeast(mail.quarantineGrowthWarnPct, mail.quarantineGrowthCritPct),
    'backup-age': () => aged(config.backupDefaults),
    'snapshot-age': () => aged(config.snapshotDefaults),
    'certificate-days': () => atMost(certificate.enabled, certificate.warningDays, certificate.criticalDays),
    'container-state': () => state(null, STATE_CONFIRMATIONS),
    'restart-loop': () => atLeast(docker.restartCount, docker.restartCount * 3),
    oom: () => state(1),
    'memory-limit': () => atLeast(docker.memoryWarnPct, docker.memoryCriticalPct),
    'log-matches': () => linesRule(config, resource),
  };
  return (rules[signal] ?? (() => state(2)))();
}

/** Lines are counted one by one: it is over with one less than what raises it. */
function linesRule(config: AlertConfig, { id }: Ruled): Plain | null {
  const rule = ruleOfResource(config, id);
  if (!rule) return null;
  const { count, criticalCount, level } = rule;
  const critical = level === 'critical' ? count : criticalCount;
  return { trigger: count, clear: count - 1, critical, sign: 1, confirmations: 1 };
}

/** Something that the fleet or its poller has missed three times already, as an installation, is told at once. */
function offlineRule({ type, parents }: Ruled): Plain {
  if (type === 'storage') return state(2, STATE_CONFIRMATIONS);
  return type === 'node' && parents.length > 0 ? state(1, OFFLINE_CONFIRMATIONS) : state(1);
}
