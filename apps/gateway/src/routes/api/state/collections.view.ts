import type { DockerHost, HostSample, SectionName } from '@lapwing/contracts';
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

/**
 * When each guest was backed up last, by its type and number: on the storages of its own installation, or on a backup server. A backup
 * server tells numbers only: where several installations have such a guest, it is not known whose backup that is, and it counts for none.
 */
function lastBackups(target: EstateTarget, targets: EstateTarget[]): Map<string, number> {
  const newest = new Map<string, number>();
  const note = (key: string, time: number): void => void newest.set(key, Math.max(time, newest.get(key) ?? 0));
  for (const { guestType, vmid, createdAt } of itemsOf(target, 'storageBackups'))
    note(keyOf(guestType, vmid), createdAt);
  const others = targets.filter(({ id, type }) => type === 'pve' && id !== target.id);
  const elsewhere = new Set(others.flatMap((one) => itemsOf(one, 'guests').map(({ type, vmid }) => keyOf(type, vmid))));
  for (const server of targets.filter(({ type }) => type === 'pbs'))
    for (const { type, backupId, createdAt } of itemsOf(server, 'serverBackups')) {
      const key = keyOf(KINDS[type], backupId);
      if (!elsewhere.has(key)) note(key, createdAt);
    }
  return newest;
}

type Views = Partial<Record<CollectionName, Entity[]>>;

const views: { [S in SectionName]?: (target: EstateTarget, context: StateContext) => Views } = {
  nodes: (target, { now, sampleOf }) => ({
    nodes: itemsOf(target, 'nodes').map((node) => nodeView(target, node, now, sampleOf(node.name))),
  }),
  guests: (target, { targets, now }) => {
    const backups = lastBackups(target, targets);
    const seenAt = target.sections.guests?.time ?? now;
    const all = itemsOf(target, 'guests').map((guest) =>
      guestView(target, guest, seenAt, backups.get(keyOf(guest.type, guest.vmid))),
    );
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
  return Object.fromEntries(targets.map((target) => [nameOf(target), linkOf(target, now)?.health === 'healthy']));
}
