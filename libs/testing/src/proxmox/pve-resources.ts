import type { Estate } from './estate.js';
import type { Guest } from './guest.js';
import { processors, type PveNode } from './node.js';
import type { Ask } from './router.js';
import type { Storage } from './storage.js';
import { MiB, flag } from './units.js';

/** Seconds since a node was booted. */
export function uptimeOf(node: { bootedAt: number }): number {
  return Math.floor((Date.now() - node.bootedAt) / 1000);
}

/** The memory of the node's own that a virtual machine takes, bytes. */
export function hostMemory(guest: Guest): number {
  return guest.running ? Math.round(guest.kind === 'qemu' ? guest.maxmem * 0.97 + 70 * MiB : guest.mem) : 0;
}

/** The storages that a node has. `ceph-rbd` is only where Ceph is. */
export function storagesOf(estate: Estate, node?: string): Storage[] {
  return [...estate.storages.values()].filter(
    (storage) => (storage.type !== 'rbd' || estate.ceph) && (node === undefined || storage.usage.has(node)),
  );
}

const clusterTypes: Record<string, (ask: Ask) => unknown[]> = {
  vm: ({ estate, version }) => [...estate.guests.values()].map((guest) => guestResource(estate, guest, version)),
  node: ({ estate }) => [...estate.nodes.values()].map(nodeResource),
  storage: ({ estate }) => storagesOf(estate).flatMap((storage) => storageResources(estate, storage)),
  sdn: ({ estate, version }) => (version === '8' ? [...estate.nodes.keys()].map(sdnResource) : []),
  network: ({ estate, version }) => (version === '9' ? [...estate.nodes.keys()].map(networkResource) : []),
};

/** `/cluster/resources`. Source: PVE::API2::Cluster and PVE::API2Tools of pve-manager. */
export function clusterResources(ask: Ask): unknown[] {
  const type = ask.query.get('type');
  if (type !== null) return clusterTypes[type]?.(ask) ?? [];
  return Object.values(clusterTypes).flatMap((list) => list(ask));
}

// One literal without spreads, for there are thousands: what is undefined is left out of the JSON.
function guestResource(estate: Estate, guest: Guest, version: '8' | '9'): Record<string, unknown> {
  const { vmid, kind, node, running } = guest;
  const id = `${kind}/${vmid}`;
  const tags = guest.tags.length > 0 ? guest.tags.join(';') : undefined;
  if (!estate.nodes.get(node)?.online) return { id, type: kind, node, vmid, status: 'unknown', tags };
  const { netin, netout, diskread, diskwrite } = guest.counters;
  return {
    id,
    type: kind,
    node,
    vmid,
    tags,
    name: guest.name,
    status: guest.status,
    template: flag(guest.template),
    cpu: running ? guest.cpu : 0,
    maxcpu: guest.cpus,
    mem: running ? guest.mem : 0,
    maxmem: guest.maxmem,
    disk: kind === 'lxc' && running ? guest.disk : 0,
    maxdisk: guest.maxdisk,
    netin,
    netout,
    diskread,
    diskwrite,
    uptime: guest.uptime,
    memhost: version === '9' ? hostMemory(guest) : undefined,
    lock: guest.lock,
    hastate: guest.hastate,
  };
}

function nodeResource(node: PveNode): Record<string, unknown> {
  const place = { id: `node/${node.name}`, type: 'node', node: node.name, level: '' };
  const size = { maxcpu: processors(node), maxmem: node.memory.total, maxdisk: node.rootfs.total };
  if (!node.online) return { ...place, ...size, status: 'offline' };
  return {
    ...place,
    ...size,
    status: 'online',
    'cgroup-mode': 2,
    cpu: node.cpu,
    mem: node.memory.used,
    disk: node.rootfs.used,
    uptime: uptimeOf(node),
  };
}

function storageResources(estate: Estate, storage: Storage): Record<string, unknown>[] {
  if (!storage.enabled) return [];
  return [...storage.usage].map(([node, usage]) => ({
    id: `storage/${node}/${storage.name}`,
    type: 'storage',
    node,
    storage: storage.name,
    plugintype: storage.type,
    content: storage.content.join(','),
    shared: flag(storage.shared),
    ...(usage.active && estate.nodes.get(node)?.online
      ? { status: 'available', disk: usage.used, maxdisk: usage.total }
      : { status: 'unknown' }),
  }));
}

function sdnResource(node: string): Record<string, unknown> {
  return { id: `sdn/${node}/localnetwork`, type: 'sdn', node, sdn: 'localnetwork', status: 'ok' };
}

function networkResource(node: string): Record<string, unknown> {
  const zone = { 'network-type': 'zone', network: 'localnetwork', status: 'ok' };
  return { id: `network/${node}/zone/localnetwork`, type: 'network', node, ...zone };
}

/** `/cluster/status`. */
export function clusterStatus({ estate, local }: Ask): unknown[] {
  const alone = estate.clusterName === undefined;
  const nodes = [...estate.nodes.values()].map((node) => ({
    type: 'node',
    id: `node/${node.name}`,
    name: node.name,
    nodeid: alone ? 0 : node.id,
    ip: node.address,
    online: flag(node.online),
    local: flag(node.name === local),
    level: '',
  }));
  if (alone) return nodes;
  const votes = nodes.filter(({ online }) => online === 1).length;
  const cluster = { type: 'cluster', id: 'cluster', name: estate.clusterName, version: estate.nodes.size };
  return [{ ...cluster, nodes: estate.nodes.size, quorate: flag(votes * 2 > nodes.length) }, ...nodes];
}

/** `/nodes`. */
export function nodeList({ estate, local, certificate }: Ask): unknown[] {
  return [...estate.nodes.values()].map((node) => ({
    ...nodeResource(node),
    ssl_fingerprint: node.name === local ? certificate.fingerprint : node.fingerprint,
  }));
}
