import type { ProxmoxGuest, ProxmoxNode, ProxmoxStorage } from '@lapwing/contracts';
import { amount, known, record, records, text, truth, usage, whole, type Json } from '../proxmox/values.js';

/** A guest as `cluster/resources` shows it, with counters where rates are wanted. */
export interface GuestResource {
  vmid: number;
  node: string;
  name: string;
  type: 'qemu' | 'lxc';
  status: string;
  /** Percent. */
  cpu: number;
  cpus: number;
  memory: number;
  maxMemory: number;
  disk: number;
  maxDisk: number;
  counters: { networkIn: number; networkOut: number; diskRead: number; diskWrite: number };
  uptime: number;
  template: boolean;
  tags: string[];
  lock: string;
}

/** A node as `cluster/resources` shows it. */
export interface NodeResource {
  name: string;
  online: boolean;
  cpu: number;
  cpus: number;
  memory: number;
  maxMemory: number;
  disk: number;
  maxDisk: number;
  uptime: number;
}

/** A storage of one node as `cluster/resources` shows it. */
export interface StorageResource {
  name: string;
  node: string;
  type: string;
  content: string[];
  shared: boolean;
  status: string;
  used: number;
  total: number;
}

/** Everything that one call to `cluster/resources` tells. */
export interface Resources {
  nodes: NodeResource[];
  guests: GuestResource[];
  storages: StorageResource[];
}

/** More than any installation has. */
const MAX_NODES = 1000;
const MAX_GUESTS = 20_000;

/** Reads the answer of `cluster/resources`; entries that are none of ours are passed over. */
export function parseResources(data: unknown): Resources {
  const all = records(data, 50_000);
  const of = (...types: string[]): Json[] => all.filter(({ type }) => types.includes(String(type)));
  return {
    nodes: of('node').slice(0, MAX_NODES).map(nodeOf),
    guests: of('qemu', 'lxc').slice(0, MAX_GUESTS).map(guestOf),
    storages: of('storage').slice(0, MAX_GUESTS).map(storageOf),
  };
}

function nodeOf(entry: Json): NodeResource {
  return {
    name: text(entry['node']),
    online: entry['status'] === 'online',
    cpu: amount(entry['cpu']) * 100,
    cpus: amount(entry['maxcpu']),
    memory: amount(entry['mem']),
    maxMemory: amount(entry['maxmem']),
    disk: amount(entry['disk']),
    maxDisk: amount(entry['maxdisk']),
    uptime: amount(entry['uptime']),
  };
}

function guestOf(entry: Json): GuestResource {
  const vmid = whole(entry['vmid']);
  return {
    vmid,
    node: text(entry['node']),
    name: text(entry['name']) || String(vmid),
    type: entry['type'] === 'lxc' ? 'lxc' : 'qemu',
    status: text(entry['status'], 32) || 'unknown',
    cpu: Math.min(amount(entry['cpu']) * 100, 100),
    cpus: amount(entry['maxcpu']),
    memory: amount(entry['mem']),
    maxMemory: amount(entry['maxmem']),
    disk: amount(entry['disk']),
    maxDisk: amount(entry['maxdisk']),
    counters: {
      networkIn: amount(entry['netin']),
      networkOut: amount(entry['netout']),
      diskRead: amount(entry['diskread']),
      diskWrite: amount(entry['diskwrite']),
    },
    uptime: amount(entry['uptime']),
    template: truth(entry['template']),
    tags: text(entry['tags'], 2000)
      .split(/[;, ]+/)
      .filter((tag) => tag !== '')
      .slice(0, 100)
      .map((tag) => tag.slice(0, 255)),
    lock: text(entry['lock'], 64),
  };
}

function storageOf(entry: Json): StorageResource {
  return {
    name: text(entry['storage']),
    node: text(entry['node']),
    type: text(entry['plugintype'], 64),
    content: contentOf(entry['content']),
    shared: truth(entry['shared']),
    status: text(entry['status'], 64),
    used: amount(entry['disk']),
    total: amount(entry['maxdisk']),
  };
}

/** The kinds of content, sorted. */
export function contentOf(value: unknown): string[] {
  return text(value, 1000)
    .split(',')
    .map((kind) => kind.trim().slice(0, 64))
    .filter((kind) => kind !== '')
    .slice(0, 32)
    .toSorted();
}

/**
 * The storages of a cluster, each once: one that nodes share stands for all of them, with the figures of a node where it is available.
 * Storages that Proxmox lists but nobody has, because they are disabled, come from the configuration.
 */
export function storagesOf(
  resources: StorageResource[],
  configured: Json[],
  offline: ReadonlySet<string>,
): ProxmoxStorage[] {
  const groups = new Map<string, StorageResource[]>();
  for (const storage of resources) {
    const key = storage.shared ? storage.name : `${storage.node}/${storage.name}`;
    const group = groups.get(key);
    if (group) group.push(storage);
    else groups.set(key, [storage]);
  }
  const present = [...groups.values()].map((group) => merged(group, offline));
  const names = new Set(present.map(({ name }) => name));
  const disabled = configured.filter((entry) => truth(entry['disable']) && !names.has(text(entry['storage'])));
  return [...present, ...disabled.map(disabledStorage)];
}

function merged(group: StorageResource[], offline: ReadonlySet<string>): ProxmoxStorage {
  const best = group.find(({ status, total }) => status === 'available' && total > 0) ?? group[0];
  if (!best) throw new Error('a group of storages is never empty');
  const active = group.some(({ status }) => status === 'available');
  // On a node that is away it is not known; the storage itself is not gone for that.
  const away = group.every(({ node }) => offline.has(node));
  return {
    name: best.name,
    nodes: group
      .map(({ node }) => node)
      .toSorted()
      .slice(0, 256),
    type: best.type,
    status: active ? 'available' : 'inactive',
    ...usage(best.total, best.used),
    content: best.content,
    shared: best.shared,
    enabled: true,
    active: active && !away,
    zfsPool: null,
  };
}

function disabledStorage(entry: Json): ProxmoxStorage {
  return {
    name: text(entry['storage']),
    nodes: text(entry['nodes'], 4000)
      .split(',')
      .filter((node) => node !== '')
      .slice(0, 256)
      .map((node) => node.slice(0, 255)),
    type: text(entry['type'], 64),
    status: 'disabled',
    ...usage(0, 0),
    content: contentOf(entry['content']),
    shared: truth(entry['shared']),
    enabled: false,
    active: false,
    zfsPool: null,
  };
}

/**
 * A node out of its own status, and of what the cluster says of it.
 *
 * Memory: what cannot be had counts as used. The first of these that is there tells what can be had: `available`, `avail`, the sum of free,
 * buffers and cached, a gap between total, used and free of 16 MiB and more, total minus used.
 */
export function nodeFrom(resource: NodeResource, status: Json, readAt: number): ProxmoxNode {
  const memory = record(status['memory']);
  const total = amount(memory['total'], resource.maxMemory);
  const swap = record(status['swap']);
  const root = record(status['rootfs']);
  const cpuInfo = record(status['cpuinfo']);
  const load = Array.isArray(status['loadavg']) ? status['loadavg'] : [];
  return {
    name: resource.name,
    status: resource.online ? 'online' : 'offline',
    cpu: amount(status['cpu'], resource.cpu / 100) * 100,
    memory: usage(total, total - Math.min(availableMemory(memory, total, resource), total)),
    swap: usage(amount(swap['total']), amount(swap['used'])),
    disk: usage(amount(root['total'], resource.maxDisk), amount(root['used'], resource.disk)),
    uptime: amount(status['uptime'], resource.uptime),
    loadAverage: load.slice(0, 3).map((value) => amount(value)),
    kernelVersion: text(status['kversion']),
    pveVersion: text(status['pveversion']),
    cpuInfo: {
      model: text(cpuInfo['model']),
      cores: whole(cpuInfo['cpus'], resource.cpus),
      sockets: whole(cpuInfo['sockets']),
      mhz: text(cpuInfo['mhz'], 32),
    },
    readAt,
  };
}

const NOTABLE = 16 * 2 ** 20;

function availableMemory(memory: Json, total: number, resource: NodeResource): number {
  const told = known(memory['available']) ?? known(memory['avail']);
  if (told !== undefined) return told;
  const parts = [memory['free'], memory['buffers'], memory['cached']].map(known);
  if (parts.every((part) => part !== undefined)) return parts.reduce((sum, part) => sum + part, 0);
  const used = amount(memory['used'], resource.memory);
  const gap = total - used - amount(memory['free']);
  return gap >= NOTABLE ? amount(memory['free']) + gap : total - used;
}

const MEMORY_OLD_MS = 60_000;

/**
 * A node that did not tell itself how it is, as the cluster sees it; the rest as it said last. Its memory without caches counts for a minute
 * more: the cluster's own figure has them in it.
 */
export function nodeFromOutside(resource: NodeResource, last: ProxmoxNode | undefined, now: number): ProxmoxNode {
  const before = last ?? nodeFrom(resource, {}, now);
  if (!resource.online) return { ...before, status: 'offline', cpu: 0, uptime: 0 };
  const isOld = now - before.readAt > MEMORY_OLD_MS;
  return {
    ...before,
    status: 'online',
    cpu: resource.cpu,
    uptime: resource.uptime,
    ...(resource.maxDisk > 0 && { disk: usage(resource.maxDisk, resource.disk) }),
    ...(isOld && resource.maxMemory > 0 && { memory: usage(resource.maxMemory, resource.memory) }),
  };
}

/** What is known of a guest beside its entry in the resources. */
export interface GuestDetail {
  /** Share of what Proxmox calls used that was caches at the last look inside, 0 to 1. */
  cacheShare: number;
  /** How long the guest ran at the last look: one that was started anew since has other caches. */
  uptime: number;
  balloon: number | undefined;
  disk: ProxmoxGuest['disk'];
  diskReason: ProxmoxGuest['diskReason'];
  filesystems: ProxmoxGuest['filesystems'];
  os: ProxmoxGuest['os'];
  interfaces: ProxmoxGuest['interfaces'];
}

/**
 * A guest out of its resource, its rates, and what was seen inside it.
 *
 * Memory of a virtual machine: the total is what the balloon left it; of what Proxmox calls used, the share that was caches at the last look
 * inside does not count. Containers are as reported: Proxmox takes their caches off itself.
 */
export function guestFrom(resource: GuestResource, detail: GuestDetail | undefined, rates: number[]): ProxmoxGuest {
  const { counters: _counters, memory, maxMemory, disk, maxDisk, ...rest } = resource;
  const running = resource.status === 'running';
  const ballooned = detail?.balloon !== undefined && detail.balloon > 0 && detail.balloon < maxMemory;
  const total = ballooned ? (detail.balloon ?? maxMemory) : maxMemory;
  const isSameRun = detail !== undefined && resource.uptime >= detail.uptime;
  const used = running ? Math.round(memory * (1 - (isSameRun ? detail.cacheShare : 0))) : 0;
  const [networkIn = 0, networkOut = 0, diskRead = 0, diskWrite = 0] = running ? rates : [];
  const isContainer = resource.type === 'lxc';
  const noData = detail?.diskReason ?? 'no-data';
  return {
    ...rest,
    memory: { ...usage(total, used), ...(ballooned && { balloon: total }) },
    disk: isContainer ? usage(maxDisk, disk) : running ? (detail?.disk ?? null) : null,
    diskReason: isContainer ? null : running ? (detail?.disk ? null : noData) : 'vm-stopped',
    filesystems: running ? (detail?.filesystems ?? []) : [],
    os: detail?.os ?? null,
    interfaces: running ? (detail?.interfaces ?? []) : [],
    networkIn,
    networkOut,
    diskRead,
    diskWrite,
    uptime: running ? resource.uptime : 0,
  };
}
