import type { PveNode } from './node.js';
import type { Random } from './random.js';
import { GiB, TiB } from './units.js';

/** A storage of Proxmox VE. Every field may be changed. */
export interface Storage {
  readonly name: string;
  readonly type: 'dir' | 'lvmthin' | 'zfspool' | 'rbd' | 'nfs';
  content: string[];
  readonly shared: boolean;
  /** Its own part of the configuration, e.g. the path. */
  readonly settings: Record<string, unknown>;
  enabled: boolean;
  /** What is used, in bytes, by node; a shared one has the same for all. */
  readonly usage: Map<string, { total: number; used: number; active: boolean }>;
}

type Kind = Pick<Storage, 'name' | 'type' | 'content' | 'settings'>;
const local: (Kind & { size: (node: PveNode) => number })[] = [
  {
    name: 'local',
    type: 'dir',
    content: ['iso', 'vztmpl'],
    settings: { path: '/var/lib/vz' },
    size: (node) => node.rootfs.total,
  },
  {
    name: 'local-lvm',
    type: 'lvmthin',
    content: ['images', 'rootdir'],
    settings: { thinpool: 'data', vgname: 'pve' },
    size: () => 600 * GiB,
  },
  {
    name: 'local-zfs',
    type: 'zfspool',
    content: ['images', 'rootdir'],
    settings: { pool: 'rpool/data', sparse: 1 },
    size: (node) => node.pools[0]?.size ?? TiB,
  },
];
const rbd: Kind = { name: 'ceph-rbd', type: 'rbd', content: ['images'], settings: { pool: 'vms', krbd: 0 } };
const nas: Kind = {
  name: 'nas',
  type: 'nfs',
  content: ['backup', 'iso'],
  settings: { server: '10.10.0.5', export: '/volume1/proxmox', path: '/mnt/pve/nas', options: 'vers=4.2' },
};

/** Builds what every node has of its own, and what all share. */
export function buildStorages(random: Random, nodes: PveNode[]): Storage[] {
  const own = local.map(({ size, ...kind }): Storage => {
    const usage = nodes.map((node) => {
      const total = size(node);
      const used = kind.name === 'local' ? node.rootfs.used : Math.round(total * random.between(0.2, 0.75));
      return [node.name, { total, used, active: true }] as const;
    });
    return { ...kind, shared: false, enabled: true, usage: new Map(usage) };
  });
  const common = [
    { kind: rbd, total: Math.max(1, nodes.length) * TiB },
    { kind: nas, total: 24 * TiB },
  ].map(({ kind, total }): Storage => {
    const usage = { total, used: Math.round(total * random.between(0.3, 0.7)), active: true };
    return { ...kind, shared: true, enabled: true, usage: new Map(nodes.map((node) => [node.name, usage])) };
  });
  return [...own, ...common];
}
