import type {
  DockerHost,
  HostSample,
  ProxmoxGuest,
  SectionName,
  ServerBackup,
  StorageBackup,
} from '@lapwing/contracts';
import { itemsOf, linkOf, type EstateTarget } from '../../../services/estate.js';
import { toDockerHostView } from '../agents/docker/hosts.view.js';
import { backupTaskView, serverBackupView, snapshotView, storageBackupView } from './backups.view.js';
import { guestView, nodeView, physicalDiskView, replicationView } from './machines.view.js';
import { backupServerView, mailGatewayView } from './servers.view.js';
import { cephView, storageView } from './storage.view.js';

/** The lists of the state, by their place in it. */
export const collectionNames = [
  'nodes',
  'vms',
  'containers',
  'dockerHosts',
  'storage',
  'cephClusters',
  'physicalDisks',
  'pbs',
  'pmg',
  'pbsBackups',
  'replicationJobs',
  'activeAlerts',
  'pveBackups.backupTasks',
  'pveBackups.storageBackups',
  'pveBackups.guestSnapshots',
] as const;
/** One of {@link collectionNames}. */
export type CollectionName = (typeof collectionNames)[number];

/** Something of the state that has an id within its list. */
export type Entity = { id: string };

/** What views need beside the target. */
export interface StateContext {
  now: number;
  targets: EstateTarget[];
  /** The newest sample of an agent that is named like a node. */
  sampleOf: (node: string) => HostSample | undefined;
}

const KINDS = { vm: 'qemu', ct: 'lxc', host: '' } as const;
const keyOf = (type: string, vmid: string | number): string => `${type} ${vmid}`;

/** What is made of a list stays for as long as the list: backups change once in ten minutes, guests with every poll. */
function oncePerList<T extends object, R>(make: (list: T[]) => R): (list: T[]) => R {
  const made = new WeakMap<T[], R>();
  return (list) => {
    const known = made.get(list) ?? make(list);
    made.set(list, known);
    return known;
  };
}

/** The newest of each key. */
function newestOf<T>(list: T[], key: (item: T) => string, time: (item: T) => number): Map<string, number> {
  const newest = new Map<string, number>();
  for (const item of list) newest.set(key(item), Math.max(time(item), newest.get(key(item)) ?? 0));
  return newest;
}

const onStorages = oncePerList((list: StorageBackup[]) =>
  newestOf(
    list,
    ({ guestType, vmid }) => keyOf(guestType, vmid),
    ({ createdAt }) => createdAt,
  ),
);
const onServers = oncePerList((list: ServerBackup[]) =>
  newestOf(
    list,
    ({ type, backupId }) => keyOf(KINDS[type], backupId),
    ({ createdAt }) => createdAt,
  ),
);
const guestKeys = oncePerList((list: ProxmoxGuest[]) => new Set(list.map(({ type, vmid }) => keyOf(type, vmid))));

/**
 * When a guest was backed up last, by its type and number: on the storages of its own installation, or on a backup server. A backup server
 * tells numbers only: where several installations have such a guest, it is not known whose backup that is, and it counts for none.
 */
function lastBackups(target: EstateTarget, targets: EstateTarget[]): (guest: ProxmoxGuest) => number | undefined {
  const own = onStorages(itemsOf(target, 'storageBackups'));
  const servers = targets.filter(({ type }) => type === 'pbs').map((one) => onServers(itemsOf(one, 'serverBackups')));
  const others = targets.filter(({ id, type }) => type === 'pve' && id !== target.id);
  const elsewhere = others.map((one) => guestKeys(itemsOf(one, 'guests')));
  return ({ type, vmid }) => {
    const key = keyOf(type, vmid);
    const isAlone = elsewhere.every((keys) => !keys.has(key));
    const times = [own.get(key), ...(isAlone ? servers.map((newest) => newest.get(key)) : [])];
    const latest = Math.max(...times.map((time) => time ?? 0));
    return latest > 0 ? latest : undefined;
  };
}

type Views = Partial<Record<CollectionName, Entity[]>>;

const views: { [S in SectionName]?: (target: EstateTarget, context: StateContext) => Views } = {
  nodes: (target, { now, sampleOf }) => ({
    nodes: itemsOf(target, 'nodes').map((node) => nodeView(target, node, now, sampleOf(node.name))),
  }),
  guests: (target, { targets, now }) => {
    const backups = lastBackups(target, targets);
    const seenAt = target.sections.guests?.time ?? now;
    const all = itemsOf(target, 'guests').map((guest) => guestView(target, guest, seenAt, backups(guest)));
    return { vms: all.filter(({ type }) => type === 'qemu'), containers: all.filter(({ type }) => type === 'lxc') };
  },
  storages: (target) => ({ storage: itemsOf(target, 'storages').map((one) => storageView(target, one)) }),
  ceph: (target, { now }) => ({
    cephClusters: itemsOf(target, 'ceph').map((one) => cephView(target, one, target.sections.ceph?.time ?? now)),
  }),
  disks: (target) => ({ physicalDisks: itemsOf(target, 'disks').map((one) => physicalDiskView(target, one)) }),
  backupTasks: (target) => ({
    'pveBackups.backupTasks': itemsOf(target, 'backupTasks').map((one) => backupTaskView(target, one)),
  }),
  storageBackups: (target) => ({
    'pveBackups.storageBackups': itemsOf(target, 'storageBackups').map((one) => storageBackupView(target, one)),
  }),
  snapshots: (target) => ({
    'pveBackups.guestSnapshots': itemsOf(target, 'snapshots').map((one) => snapshotView(target, one)),
  }),
  replication: (target) => ({
    replicationJobs: itemsOf(target, 'replication').map((one) => replicationView(target, one)),
  }),
  backupServer: (target, { now }) => ({
    pbs: itemsOf(target, 'backupServer').map((one) => backupServerView(target, one, now)),
  }),
  serverBackups: (target) => ({
    pbsBackups: itemsOf(target, 'serverBackups').map((one) => serverBackupView(target, one)),
  }),
  mailGateway: (target, { now }) => ({
    pmg: itemsOf(target, 'mailGateway').map((one) => mailGatewayView(target, one, now)),
  }),
};

/** The sections that show in the state. */
export const shownSections = Object.keys(views) as SectionName[];

/** Sections whose view also depends on the link. */
export const linkedSections: SectionName[] = ['nodes', 'backupServer', 'mailGateway'];

/** What a section of a target gives to the lists of the state. */
export function sectionViews(target: EstateTarget, section: SectionName, context: StateContext): Views {
  return views[section]?.(target, context) ?? {};
}

/** Docker hosts in the state. */
export const dockerViews = (hosts: DockerHost[]): Entity[] => hosts.map(toDockerHostView);

/** Whether each installation can be reached, by its name. */
export function connectionHealth(targets: EstateTarget[], now: number): Record<string, boolean> {
  const nameOf = ({ type, name }: EstateTarget): string => (type === 'pve' ? name : `${type}-${name}`);
  const isReached = (target: EstateTarget): boolean => {
    const link = linkOf(target, now);
    return link?.status === 'online' && link.health !== 'error';
  };
  return Object.fromEntries(targets.map((target) => [nameOf(target), isReached(target)]));
}
