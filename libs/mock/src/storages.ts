import type { CephCluster, ProxmoxStorage, ZfsPool } from '@lapwing/contracts';
import { between, hashOf, mix } from './hash.js';
import { GIB, TIB, drift, usageOf, type Clock } from './motion.js';
import type { NodePlan } from './nodes.js';

/** What of a made-up storage does not change. */
export interface StoragePlan {
  name: string;
  /** The name of its series: with the node before it, unless it is shared. */
  series: string;
  nodes: string[];
  type: 'dir' | 'zfspool' | 'rbd' | 'nfs';
  seed: number;
  total: number;
  /** 0 to 1. */
  share: number;
  content: string[];
  degraded: boolean;
}

/** The shared storage that Ceph serves. */
export const CEPH_STORAGE = 'ceph-rbd';
/** The shared storage that holds backups. */
export const BACKUP_STORAGE = 'nas';
/** How many OSDs each node has. */
export const OSDS_PER_NODE = 2;

/** The storages of nodes. One ZFS pool is degraded: that of the third node, or of the last of fewer. */
export function planStorages(nodes: NodePlan[]): StoragePlan[] {
  const names = nodes.map(({ name }) => name);
  const degraded = Math.min(2, nodes.length - 1);
  const local = nodes.flatMap(({ index, name: node }) => [
    plan('local', [node], 'dir', ['backup', 'iso', 'vztmpl'], 94 * GIB),
    plan('local-zfs', [node], 'zfspool', ['images', 'rootdir'], 1800 * GIB, index === degraded),
  ]);
  return [
    ...local,
    plan(CEPH_STORAGE, names, 'rbd', ['images', 'rootdir'], nodes.length * OSDS_PER_NODE * TIB),
    plan(BACKUP_STORAGE, names, 'nfs', ['backup', 'iso', 'vztmpl'], 16 * TIB),
  ];

  function plan(
    name: string,
    on: string[],
    type: StoragePlan['type'],
    content: string[],
    total: number,
    isDegraded = false,
  ): StoragePlan {
    const series = type === 'dir' || type === 'zfspool' ? `${on[0] ?? ''}/${name}` : name;
    const seed = hashOf(`storage:${series}`);
    const share = name === BACKUP_STORAGE ? 0.86 : between(seed, 1, 0.25, 0.7);
    return { name, series, nodes: on, type, seed, total, share, content, degraded: isDegraded };
  }
}

/** What of a storage is taken at an instant, in bytes. */
export const storageUsed = (storage: StoragePlan, clock: Clock): number =>
  Math.round(storage.total * (storage.share + 0.05 * drift(mix(storage.seed, 11), clock)));

/** A storage at an instant. */
export function storageAt(storage: StoragePlan, clock: Clock): ProxmoxStorage {
  return {
    ...usageOf(storage.total, storageUsed(storage, clock)),
    name: storage.name,
    nodes: [...storage.nodes],
    type: storage.type,
    status: 'available',
    content: [...storage.content],
    shared: storage.type === 'rbd' || storage.type === 'nfs',
    enabled: true,
    active: true,
    zfsPool: storage.type === 'zfspool' ? poolOf(storage) : null,
  };
}

function poolOf({ degraded, seed }: StoragePlan): ZfsPool {
  const good = { readErrors: 0, writeErrors: 0, checksumErrors: 0, message: '' };
  const disk = (nth: number) => `nvme-eui.${(mix(seed, 20 + nth) % 10 ** 8).toString().padStart(16, '0')}-part3`;
  return {
    name: 'rpool',
    state: degraded ? 'DEGRADED' : 'ONLINE',
    status: degraded ? 'One or more devices are faulted in response to persistent errors.' : '',
    scan: 'scrub repaired 0B in 00:41:12 with 0 errors on Sun Jan 12 01:05:13 2025',
    readErrors: 0,
    writeErrors: 0,
    checksumErrors: 0,
    devices: [
      { ...good, name: 'mirror-0', type: 'mirror', state: degraded ? 'DEGRADED' : 'ONLINE' },
      { ...good, name: disk(0), type: 'disk', state: 'ONLINE' },
      degraded
        ? {
            name: disk(1),
            type: 'disk',
            state: 'FAULTED',
            readErrors: 3,
            writeErrors: 41,
            checksumErrors: 0,
            message: 'too many errors',
          }
        : { ...good, name: disk(1), type: 'disk', state: 'ONLINE' },
    ],
  };
}

/** The Ceph cluster of the nodes, of which one OSD is down. It holds all thrice, and what {@link CEPH_STORAGE} shows. */
export function cephAt(nodes: NodePlan[], storage: StoragePlan, clock: Clock): CephCluster {
  const monitors = Math.min(3, nodes.length);
  const managers = Math.min(2, nodes.length);
  const osds = nodes.length * OSDS_PER_NODE;
  const { total, used, free } = usageOf(storage.total, storageUsed(storage, clock));
  return {
    fsid: '6d6f636b-0000-4000-8000-6c6170776e67',
    name: 'mock-cluster',
    health: 'HEALTH_WARN',
    healthMessage: '1 osds down; Degraded data redundancy: 1284/96330 objects degraded (1.333%), 14 pgs degraded',
    total: 3 * total,
    used: 3 * used,
    available: 3 * free,
    monitors,
    managers,
    osds,
    osdsUp: osds - 1,
    osdsIn: osds,
    placementGroups: 129,
    pools: [
      { id: 1, name: '.mgr', stored: 2 ** 20, available: free, objects: 2, percentUsed: 0 },
      {
        id: 2,
        name: CEPH_STORAGE,
        stored: used,
        available: free,
        objects: Math.ceil(used / 2 ** 22),
        percentUsed: (used / total) * 100,
      },
    ],
    services: [
      { type: 'mon', running: monitors, total: monitors, message: '' },
      { type: 'mgr', running: managers, total: managers, message: '' },
      { type: 'osd', running: osds - 1, total: osds, message: `osd.${osds - 1} is down` },
    ],
  };
}
