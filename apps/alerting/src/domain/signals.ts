/** What kind of trouble a signal tells of; quiet hours hold critical alerts back by it. */
export type SignalCategory = 'performance' | 'storage' | 'offline';

/** What is known of a signal for people and for rules. */
export interface SignalInfo {
  /** How a message calls it. */
  label: string;
  /** What stands behind figures. */
  unit: string;
  category: SignalCategory;
}

const figure = (label: string, unit = '%', category: SignalCategory = 'performance'): SignalInfo => ({
  label,
  unit,
  category,
});

/** Every signal that can raise an alert. Those without a unit are states: 0 is fine, 1 a warning, 2 critical; or counts. */
export const signals = {
  cpu: figure('CPU'),
  memory: figure('Memory'),
  disk: figure('Disk', '%', 'storage'),
  usage: figure('Usage', '%', 'storage'),
  temperature: figure('Temperature', '°C'),
  diskRead: figure('Disk reads', 'MiB/s'),
  diskWrite: figure('Disk writes', 'MiB/s'),
  networkIn: figure('Incoming traffic', 'MiB/s'),
  networkOut: figure('Outgoing traffic', 'MiB/s'),
  connectivity: figure('Reachability', '', 'offline'),
  'powered-off': figure('Power', '', 'offline'),
  'zfs-state': figure('ZFS pool', '', 'storage'),
  'zfs-errors': figure('ZFS errors', '', 'storage'),
  'ceph-health': figure('Ceph', '', 'storage'),
  'disk-health': figure('Disk health', '', 'storage'),
  'disk-life': figure('Life left', '%', 'storage'),
  'queue-depth': figure('Mail queue', ''),
  'queue-deferred': figure('Deferred mails', ''),
  'queue-hold': figure('Mails on hold', ''),
  'message-age': figure('Oldest mail in the queue', 'min'),
  'quarantine-spam': figure('Spam quarantine', ''),
  'quarantine-virus': figure('Virus quarantine', ''),
  'quarantine-growth': figure('Growth of the spam quarantine', '%'),
  'backup-age': figure('Last backup', 'd', 'storage'),
  'snapshot-age': figure('Oldest snapshot', 'd', 'storage'),
  'certificate-days': figure('Certificate', 'd'),
  'container-state': figure('Container', '', 'offline'),
  'container-health': figure('Health check', ''),
  'restart-loop': figure('Restarts', ''),
  oom: figure('Out of memory', ''),
  'memory-limit': figure('Memory of its limit', '%'),
  'log-matches': figure('Log lines', 'lines'),
} as const satisfies Record<string, SignalInfo>;

/** The name of a signal. */
export type Signal = keyof typeof signals;

/** What is known of a signal, also of one that an older version has stored. */
export function signalInfo(name: string): SignalInfo {
  return (signals as Record<string, SignalInfo>)[name] ?? figure(name, '');
}

/** A figure as people read it: one decimal at most, with its unit. */
export const formatFigure = (value: number, unit: string): string => withUnit(Math.round(value * 10) / 10, unit);

/** A threshold as it was set, with its unit. */
export const formatThreshold = (value: number, unit: string): string => withUnit(Number(value.toPrecision(6)), unit);

function withUnit(value: number, unit: string): string {
  if (unit === '') return String(value);
  return unit === 'lines' && value === 1 ? '1 line' : `${value} ${unit}`;
}
