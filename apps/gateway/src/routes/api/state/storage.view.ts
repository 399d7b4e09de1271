import { cephIdOf, nodeIdOf, storageIdOf, type CephCluster, type ProxmoxStorage } from '@lapwing/contracts';
import type { EstateTarget } from '../../../services/estate.js';
import { percentOf } from './machines.view.js';

/** A storage as Pulse's clients know it; a shared one once, for all its nodes. */
export function storageView(target: EstateTarget, storage: ProxmoxStorage) {
  const { name, nodes, type, status, total, used, free, content, shared, enabled, active, zfsPool } = storage;
  return {
    id: storageIdOf(target.name, storage),
    storage: name,
    name,
    node: shared ? 'cluster' : (nodes[0] ?? ''),
    instance: target.name,
    nodes,
    nodeIds: nodes.map((node) => nodeIdOf(target.name, node)),
    nodeCount: nodes.length,
    type,
    status,
    total,
    used,
    avail: free,
    free,
    usage: percentOf(used, total),
    content: content.join(','),
    shared,
    enabled,
    active,
    ...(zfsPool && { zfsPool }),
  };
}

/** A Ceph cluster as the document shows it: `lastUpdated` in seconds. */
export function cephView(target: EstateTarget, cluster: CephCluster, seenAt: number) {
  return {
    id: cephIdOf(target.name, cluster),
    instance: target.name,
    name: cluster.name,
    fsid: cluster.fsid,
    health: cluster.health,
    healthMessage: cluster.healthMessage,
    totalBytes: cluster.total,
    usedBytes: cluster.used,
    availableBytes: cluster.available,
    usagePercent: percentOf(cluster.used, cluster.total),
    numMons: cluster.monitors,
    numMgrs: cluster.managers,
    numOsds: cluster.osds,
    numOsdsUp: cluster.osdsUp,
    numOsdsIn: cluster.osdsIn,
    numPGs: cluster.placementGroups,
    pools: cluster.pools.map(({ id, name, stored, available, objects, percentUsed }) => ({
      id,
      name,
      storedBytes: stored,
      availableBytes: available,
      objects,
      percentUsed: Math.round(percentUsed * 100) / 100,
    })),
    services: cluster.services.map(({ message, ...service }) => ({ ...service, ...(message !== '' && { message }) })),
    lastUpdated: Math.floor(seenAt / 1000),
  };
}
