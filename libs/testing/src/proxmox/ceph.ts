import type { Random } from './random.js';
import { GiB, TiB } from './units.js';

/** A pool of Ceph. Bytes as clients see them, replicas left out. */
export interface CephPool {
  name: string;
  id: number;
  stored: number;
  objects: number;
  replicas: number;
}

/** An alarm of Ceph's own, e.g. `OSD_DOWN`. */
export interface CephCheck {
  name: string;
  severity: 'HEALTH_WARN' | 'HEALTH_ERR';
  message: string;
}

/** A Ceph cluster on the nodes of Proxmox VE. Every field may be changed. */
export interface Ceph {
  readonly fsid: string;
  health: 'HEALTH_OK' | 'HEALTH_WARN' | 'HEALTH_ERR';
  checks: CephCheck[];
  /** Names of the nodes that have a monitor. */
  monitors: string[];
  /** OSDs, and on which node each is. */
  osds: { id: number; node: string; up: boolean; in: boolean }[];
  /** Raw bytes. */
  total: number;
  pools: CephPool[];
  placementGroups: number;
  /** Bytes per second. */
  reading: number;
  writing: number;
}

/** Builds one with two OSDs on each node. */
export function buildCeph(random: Random, nodes: string[]): Ceph {
  const total = nodes.length * 2 * Math.round(1.75 * TiB);
  const replicas = Math.min(3, nodes.length);
  const stored = Math.round((total / replicas) * random.between(0.25, 0.6));
  return {
    fsid: random.uuid(),
    health: 'HEALTH_OK',
    checks: [],
    monitors: nodes.slice(0, 3),
    osds: nodes.flatMap((node, index) => [0, 1].map((n) => ({ id: index * 2 + n, node, up: true, in: true }))),
    total,
    pools: [
      { name: '.mgr', id: 1, stored: 2_097_152, objects: 2, replicas },
      { name: 'vms', id: 2, stored, objects: Math.round(stored / (4 * 1024 * 1024)), replicas },
    ],
    placementGroups: 129,
    reading: random.integer(1_000_000, 80_000_000),
    writing: random.integer(1_000_000, 60_000_000),
  };
}

/** Raw bytes that are used. */
export function cephUsed(ceph: Ceph): number {
  return ceph.pools.reduce((sum, pool) => sum + pool.stored * pool.replicas, GiB);
}
