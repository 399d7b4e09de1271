import type { ProxmoxStorage } from './proxmox.js';

/** The id of a node among all installations. */
export const nodeIdOf = (instance: string, node: string): string => `${instance}-${node}`;

/** The id of a guest among all installations; that of a single node has its name once only. */
export function guestIdOf(instance: string, { node, vmid }: { node: string; vmid: number }): string {
  return instance === node ? `${node}-${vmid}` : `${instance}-${node}-${vmid}`;
}

/** The id of a storage among all installations; a shared one belongs to no node. */
export function storageIdOf(instance: string, storage: Pick<ProxmoxStorage, 'shared' | 'nodes' | 'name'>): string {
  return `${instance}-${storage.shared ? 'cluster' : (storage.nodes[0] ?? '')}-${storage.name}`;
}

/** The id of a physical disk among all installations. */
export const diskIdOf = (instance: string, { node, devPath }: { node: string; devPath: string }): string =>
  `${instance}-${node}-${devPath.replaceAll('/', '-')}`;

/** The id of a Ceph cluster among all installations. */
export const cephIdOf = (instance: string, { fsid }: { fsid: string }): string => `${instance}-${fsid}`;

/** The id of a Proxmox Backup Server or Mail Gateway. */
export const serverIdOf = (type: 'pbs' | 'pmg', instance: string): string => `${type}-${instance}`;
