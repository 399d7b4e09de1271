import { guestIdOf, type AlertConfig, type AlertResource, type ProxmoxGuest } from '@lapwing/contracts';
import type { Look, Reading } from '../reading.js';
import { backupHold, heldSignals, usualDuration } from '../quiet/backup-hold.js';
import { filesystemResource, fullness } from './host.js';
import { itemsOf, nodeResource, sectionScope, type Target } from './target.js';

const MIB = 2 ** 20;
/** Why file systems are not known now, though they may be there. */
const NOT_ANSWERED = new Set<string | null>([
  'agent-not-running',
  'agent-timeout',
  'permission-denied',
  'agent-error',
  'no-data',
]);

/** What is remembered of guests from look to look, by their numbers. */
export interface GuestMemory {
  /** Those that ran when they were seen last: one that never ran was not switched off. */
  running: number[];
  /** Since when Proxmox has locked them for a backup, milliseconds since 1970. */
  locked: [vmid: number, since: number][];
}

/** A guest as alerts name it. */
export function guestResource(target: Target, guest: Pick<ProxmoxGuest, 'node' | 'vmid' | 'name'>): AlertResource {
  const node = nodeResource(target, guest.node);
  return {
    id: guestIdOf(target.name, guest),
    name: guest.name || String(guest.vmid),
    type: 'guest',
    node: guest.node,
    instance: target.name,
    parents: [node.id, ...node.parents],
  };
}

/** What the guests of a target tell. */
export function readGuests(
  target: Target,
  memory: GuestMemory,
  config: AlertConfig,
): { look: Look; memory: GuestMemory } {
  const { items, time } = target.sections.guests ?? { items: [], time: 0 };
  const before = { running: new Set(memory.running), locked: new Map(memory.locked) };
  const after: GuestMemory = { running: [], locked: [] };
  const readings: Reading[] = [];
  const partly = new Set<string>();
  for (const guest of items) {
    if (guest.template) continue;
    const { vmid, status, lock } = guest;
    const ranBefore = before.running.has(vmid);
    const lockedSince = before.locked.get(vmid) ?? time;
    // One that is paused, or on a node that does not answer, counts as it counted before.
    if (status === 'running' || ranBefore) after.running.push(vmid);
    if (lock === 'backup') after.locked.push([vmid, lockedSince]);
    const isKnown = status === 'running' || status === 'stopped';
    if (!isKnown || (status === 'running' && guest.filesystems.length === 0 && NOT_ANSWERED.has(guest.diskReason)))
      partly.add(guestResource(target, guest).id);
    const isQuiet = !isKnown || isHeld(target, guest, { at: time, lockedSince, config });
    readings.push(...guestReadings(target, guest, ranBefore).map((reading) => quieted(reading, isQuiet)));
  }
  return { look: { scope: sectionScope(target.id, 'guests'), time, readings, partly }, memory: after };
}

const quieted = (reading: Reading, isQuiet: boolean): Reading =>
  isQuiet && (heldSignals.has(reading.signal) || reading.signal === 'disk') ? { ...reading, value: null } : reading;

function guestReadings(target: Target, guest: ProxmoxGuest, ranBefore: boolean): Reading[] {
  const resource = guestResource(target, guest);
  const isStopped = guest.status === 'stopped';
  const power: Reading[] =
    ranBefore || guest.status === 'running' ? [{ resource, signal: 'powered-off', value: isStopped ? 1 : 0 }] : [];
  if (isStopped) return power;
  const { memory, disk } = guest;
  return [
    ...power,
    { resource, signal: 'cpu', value: guest.cpu },
    { resource, signal: 'memory', value: memory.total > 0 ? (memory.used / memory.total) * 100 : null },
    ...(guest.filesystems.length === 0 ? [{ resource, signal: 'disk' as const, value: disk && fullness(disk) }] : []),
    ...guest.filesystems.map((one): Reading => ({
      resource: filesystemResource(resource, one.mountpoint),
      signal: 'disk',
      value: fullness(one),
    })),
    { resource, signal: 'diskRead', value: guest.diskRead / MIB },
    { resource, signal: 'diskWrite', value: guest.diskWrite / MIB },
    { resource, signal: 'networkIn', value: guest.networkIn / MIB },
    { resource, signal: 'networkOut', value: guest.networkOut / MIB },
  ];
}

/** Whether a backup of the guest runs now, within the time that it may take. */
function isHeld(
  target: Target,
  { vmid, lock }: ProxmoxGuest,
  now: { at: number; lockedSince: number; config: AlertConfig },
): boolean {
  const { enabled, maxMinutes: capMinutes } = now.config.backupQuiet;
  if (!enabled) return false;
  const tasks = itemsOf(target, 'backupTasks').filter((task) => task.vmid === vmid);
  const open = tasks.filter(({ endedAt }) => endedAt === null).map(({ startedAt }) => startedAt);
  if (lock !== 'backup' && open.length === 0) return false;
  const ended = tasks.toSorted((one, other) => one.startedAt - other.startedAt);
  const durations = ended.flatMap(({ startedAt, endedAt }) => (endedAt ? [(endedAt - startedAt) / 1000] : []));
  const startedAt = open.length > 0 ? Math.max(...open) : now.lockedSince;
  return (
    backupHold({ running: { startedAt }, at: now.at, usualSeconds: usualDuration(durations), capMinutes }) !== null
  );
}
