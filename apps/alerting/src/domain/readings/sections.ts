import {
  cephIdOf,
  diskIdOf,
  storageIdOf,
  type AlertConfig,
  type AlertResource,
  type SectionName,
  type ZfsPool,
} from '@lapwing/contracts';
import type { Look, Reading } from '../reading.js';
import { guestResource } from './guests.js';
import { installation, itemsOf, nodeResource, sectionScope, type Target } from './target.js';

const DAY_MS = 86_400_000;

/** A section of a target that is read by itself: what it tells beside the guests and the mail gateway. */
const readers: { [S in SectionName]?: (target: Target, at: number, config: AlertConfig) => Reading[] } = {
  link,
  nodes,
  storages,
  ceph,
  disks,
  snapshots,
  backupServer,
};

/** The sections that {@link readSection} reads. */
export const readSections = new Set(Object.keys(readers) as SectionName[]);

/** What one section of a target tells. */
export function readSection(target: Target, section: SectionName, config: AlertConfig): Look | null {
  const { time } = target.sections[section] ?? {};
  const read = readers[section];
  if (!read || time === undefined) return null;
  // Snapshots are told by the guests whose they are: without those all would seem to be gone.
  if (section === 'snapshots' && !target.sections.guests) return null;
  return { scope: sectionScope(target.id, section), time, readings: read(target, time, config) };
}

function link(target: Target, at: number): Reading[] {
  const resource = installation(target);
  return itemsOf(target, 'link').flatMap(({ status, fault, error, certificateEndsAt }): Reading[] => {
    const isUnknown = fault === 'silent';
    const days = certificateEndsAt === undefined ? null : (certificateEndsAt - at) / DAY_MS;
    return [
      { resource, signal: 'connectivity', value: isUnknown ? null : Number(status === 'offline'), detail: error },
      { resource, signal: 'certificate-days', value: days, ...(days !== null && { detail: endsIn(days) }) },
    ];
  });
}

const endsIn = (days: number): string =>
  days < 0 ? `ended ${Math.ceil(-days)} days ago` : `ends in ${Math.floor(days)} days`;

function nodes(target: Target): Reading[] {
  return itemsOf(target, 'nodes').flatMap((node): Reading[] => {
    const resource = nodeResource(target, node.name);
    const isOffline = node.status === 'offline';
    const share = ({ used, total }: { used: number; total: number }) =>
      isOffline || total <= 0 ? null : (used / total) * 100;
    return [
      { resource, signal: 'connectivity', value: Number(isOffline) },
      { resource, signal: 'cpu', value: isOffline ? null : node.cpu },
      { resource, signal: 'memory', value: share(node.memory) },
      { resource, signal: 'disk', value: share(node.disk) },
    ];
  });
}

function storages(target: Target): Reading[] {
  return itemsOf(target, 'storages').flatMap((storage): Reading[] => {
    const [first = ''] = storage.nodes;
    const owner = storage.shared ? installation(target) : nodeResource(target, first);
    const resource: AlertResource = {
      id: storageIdOf(target.name, storage),
      name: storage.name,
      type: 'storage',
      node: storage.shared ? '' : first,
      instance: target.name,
      parents: [owner.id, ...owner.parents],
    };
    if (!storage.enabled) return [];
    return [
      {
        resource,
        signal: 'connectivity',
        value: Number(storage.status === 'inactive'),
        detail: 'the storage is not active',
      },
      { resource, signal: 'usage', value: storage.total > 0 ? (storage.used / storage.total) * 100 : null },
      ...(storage.zfsPool ? zfs(resource, storage.zfsPool) : []),
    ];
  });
}

const BAD_POOL = new Set(['FAULTED', 'UNAVAIL', 'REMOVED', 'SUSPENDED', 'OFFLINE']);

function zfs(resource: AlertResource, pool: ZfsPool): Reading[] {
  const faults = pool.devices.filter(({ state }) => state !== 'ONLINE' && state !== 'AVAIL' && state !== '');
  const errors = (of: { readErrors: number; writeErrors: number; checksumErrors: number }): number =>
    of.readErrors + of.writeErrors + of.checksumErrors;
  const worst = Math.max(errors(pool), ...pool.devices.map(errors));
  const isBad = BAD_POOL.has(pool.state);
  const level = isBad ? 2 : Number((pool.state !== 'ONLINE' && pool.state !== '') || faults.length > 0);
  const named = faults
    .map(({ name, state }) => `${name} ${state}`)
    .slice(0, 5)
    .join(', ');
  return [
    { resource, signal: 'zfs-state', value: level, detail: `${pool.name} is ${pool.state}${named && ` (${named})`}` },
    { resource, signal: 'zfs-errors', value: worst, detail: `${worst} errors of ${pool.name}` },
  ];
}

const CEPH: Record<string, number> = { HEALTH_OK: 0, HEALTH_WARN: 1, HEALTH_ERR: 2 };

function ceph(target: Target): Reading[] {
  return itemsOf(target, 'ceph').flatMap((cluster): Reading[] => {
    const owner = installation(target);
    const resource: AlertResource = {
      id: cephIdOf(target.name, cluster),
      name: cluster.name || target.name,
      type: 'ceph',
      node: '',
      instance: target.name,
      parents: [owner.id],
    };
    const usage = cluster.total > 0 ? (cluster.used / cluster.total) * 100 : null;
    const detail = `${cluster.health} ${cluster.healthMessage}`.trim().slice(0, 500);
    return [
      { resource, signal: 'ceph-health', value: CEPH[cluster.health] ?? null, detail },
      { resource, signal: 'usage', value: usage },
    ];
  });
}

const FINE_DISK = new Set(['PASSED', 'OK', 'UNKNOWN', '']);

function disks(target: Target): Reading[] {
  return itemsOf(target, 'disks').flatMap((disk): Reading[] => {
    const node = nodeResource(target, disk.node);
    const resource: AlertResource = {
      id: diskIdOf(target.name, disk),
      name: `${disk.node} ${disk.devPath}`,
      type: 'disk',
      node: disk.node,
      instance: target.name,
      parents: [node.id, ...node.parents],
    };
    const health = disk.health.toUpperCase();
    const model = disk.model || disk.serial;
    return [
      {
        resource,
        signal: 'disk-health',
        value: Number(!FINE_DISK.has(health)),
        detail: `${model} says ${disk.health}`,
      },
      {
        resource,
        signal: 'disk-life',
        value: disk.lifeLeft,
        ...(disk.lifeLeft !== null && { detail: `${model} has ${disk.lifeLeft} % left` }),
      },
    ];
  });
}

function snapshots(target: Target, at: number, config: AlertConfig): Reading[] {
  if (!config.snapshotDefaults.enabled) return [];
  const oldest = new Map<number, { createdAt: number; name: string }>();
  for (const { vmid, createdAt, name } of itemsOf(target, 'snapshots'))
    if (createdAt < (oldest.get(vmid)?.createdAt ?? Number.POSITIVE_INFINITY)) oldest.set(vmid, { createdAt, name });
  return itemsOf(target, 'guests').flatMap((guest): Reading[] => {
    const found = oldest.get(guest.vmid);
    if (!found) return [];
    const value = (at - found.createdAt) / DAY_MS;
    return [
      {
        resource: guestResource(target, guest),
        signal: 'snapshot-age',
        value,
        detail: `snapshot ${found.name} is ${Math.floor(value)} days old`,
      },
    ];
  });
}

function backupServer(target: Target): Reading[] {
  const resource = installation(target);
  return itemsOf(target, 'backupServer').flatMap(({ cpu, memory, datastores }): Reading[] => [
    { resource, signal: 'cpu', value: cpu },
    { resource, signal: 'memory', value: memory.total > 0 ? (memory.used / memory.total) * 100 : null },
    ...datastores.map(({ name, total, used }): Reading => ({
      resource: { ...resource, id: `${resource.id}-${name}`, name, type: 'storage', parents: [resource.id] },
      signal: 'usage',
      value: total > 0 ? (used / total) * 100 : null,
    })),
  ]);
}

/** When each guest was backed up last, by its id; out of what all targets keep. */
export function lastBackups(target: Target, servers: readonly Target[]): Map<number, number> {
  const last = new Map<number, number>();
  const note = (vmid: number, at: number): void => {
    if (at > (last.get(vmid) ?? 0)) last.set(vmid, at);
  };
  for (const { vmid, createdAt } of itemsOf(target, 'storageBackups')) note(vmid, createdAt);
  for (const server of servers)
    for (const { type, backupId, createdAt } of itemsOf(server, 'serverBackups'))
      if (type !== 'host' && /^\d+$/.test(backupId)) note(Number(backupId), createdAt);
  return last;
}

/**
 * How old the newest backup of each guest is; one that has none at all is as old as it can be, once everything that keeps backups was looked
 * into.
 */
export function readBackupAges(target: Target, servers: readonly Target[], at: number): Look {
  const last = lastBackups(target, servers);
  const isWhole = target.sections.storageBackups && servers.every(({ sections }) => sections.serverBackups);
  const none = isWhole ? MAX_DAYS : null;
  const readings = itemsOf(target, 'guests')
    .filter(({ template }) => !template)
    .flatMap((guest): Reading[] => {
      const backedUpAt = last.get(guest.vmid);
      const age = backedUpAt === undefined ? null : (at - backedUpAt) / DAY_MS;
      const detail = age === null ? 'there is none' : `${Math.floor(age)} days ago`;
      return [{ resource: guestResource(target, guest), signal: 'backup-age', value: age ?? none, detail }];
    });
  return { scope: sectionScope(target.id, 'backupAges'), time: at, readings };
}

const MAX_DAYS = 3650;
