import {
  diskIdOf,
  guestIdOf,
  nodeIdOf,
  type HostSample,
  type PhysicalDisk,
  type ProxmoxGuest,
  type ProxmoxNode,
  type ReplicationJob,
} from '@lapwing/contracts';
import { isoSeconds } from '../../../http/query.js';
import { linkOf, type EstateTarget } from '../../../services/estate.js';

interface Filled {
  total: number;
  used: number;
  free: number;
}

/** Percent of a whole; 0 of nothing. */
export const percentOf = (part: number, whole: number): number => (whole > 0 ? round((part / whole) * 100) : 0);
const round = (value: number): number => Math.round(value * 100) / 100;
/** Processors are told as a fraction of 1. */
const fraction = (percent: number): number => Math.round(percent * 100) / 10_000;

/** How full something is: bytes, and percent. */
export const usageView = ({ total, used, free }: Filled) => ({ total, used, free, usage: percentOf(used, total) });

/** Temperatures as Pulse's clients know them, °C; out of what an agent on the node reports. */
export function temperatureView(sample: HostSample | undefined) {
  const sensors = sample?.temperature.sensors ?? [];
  const like = (pattern: RegExp) => sensors.filter(({ name }) => pattern.test(name));
  const cores = like(/^core \d+$/i).map(({ name, value }) => ({ core: Number(name.slice(5)), temp: value }));
  // The kernel calls the temperature of a whole NVMe disk "Composite".
  const nvme = like(/nvme|^composite$/i).map(({ value }, index) => ({ device: `nvme${index}`, temp: value }));
  const packages = like(/package|tctl|tdie|k10temp|cpu/i).map(({ value }) => value);
  const hottest = Math.max(0, ...packages, ...cores.map(({ temp }) => temp));
  return {
    cpuPackage: packages[0] ?? 0,
    cpuMax: hottest,
    cores,
    nvme,
    available: hottest > 0 || nvme.length > 0,
    hasCPU: hottest > 0,
    hasNVMe: nvme.length > 0,
    lastUpdate: sample ? isoSeconds(sample.time) : '',
  };
}

/** A node as Pulse's clients know it: processors as a fraction, `lastSeen` in milliseconds. */
export function nodeView(target: EstateTarget, node: ProxmoxNode, now: number, sample?: HostSample) {
  const link = linkOf(target, now);
  const { memory, swap, disk } = node;
  return {
    id: nodeIdOf(target.name, node.name),
    node: node.name,
    name: node.name,
    displayName: node.name,
    instance: target.name,
    host: target.host,
    status: node.status,
    type: 'node',
    cpu: fraction(node.cpu),
    ...(memory.total > 0 && { memory: { ...usageView(memory), swapUsed: swap.used, swapTotal: swap.total } }),
    mem: memory.used,
    maxmem: memory.total,
    disk: usageView(disk),
    maxdisk: disk.total,
    uptime: Math.floor(node.uptime),
    loadAverage: node.loadAverage,
    kernelVersion: node.kernelVersion,
    pveVersion: node.pveVersion,
    cpuInfo: node.cpuInfo,
    temperature: temperatureView(sample),
    lastSeen: node.readAt,
    connectionHealth: node.status === 'offline' ? 'error' : (link?.health ?? 'error'),
    isClusterMember: link?.isCluster ?? false,
    ...(link?.clusterName && { clusterName: link.clusterName }),
  };
}

/** A virtual machine or a container as Pulse's clients know it: `disk.usage` is -1 where nobody knows. */
export function guestView(target: EstateTarget, guest: ProxmoxGuest, seenAt: number, lastBackup: number | undefined) {
  const { memory, disk, diskReason, filesystems, os, interfaces, tags, cpu, ...rest } = guest;
  const { balloon, ...filled } = memory;
  return {
    id: guestIdOf(target.name, guest),
    ...rest,
    instance: target.name,
    cpu: fraction(cpu),
    ...(memory.total > 0 && { memory: { ...usageView(filled), ...(balloon !== undefined && { balloon }) } }),
    mem: memory.used,
    maxmem: memory.total,
    disk: disk ? usageView(disk) : { total: 0, used: 0, free: 0, usage: -1 },
    maxdisk: disk?.total ?? 0,
    disks: filesystems.map(({ mountpoint, type, device, ...one }) => ({ ...usageView(one), mountpoint, type, device })),
    ...(diskReason && { diskStatusReason: diskReason }),
    ...(os && { osName: os.name, osVersion: os.version }),
    networkInterfaces: interfaces,
    ipAddresses: interfaces.flatMap(({ addresses }) => addresses),
    networkIn: Math.round(guest.networkIn),
    networkOut: Math.round(guest.networkOut),
    diskRead: Math.round(guest.diskRead),
    diskWrite: Math.round(guest.diskWrite),
    uptime: Math.floor(guest.uptime),
    tags: tags.join(','),
    ...(lastBackup !== undefined && { lastBackup }),
    lastSeen: seenAt,
  };
}

/** A disk as Pulse's clients know it; `wearout` is the percent of its life that is left, -1 where it does not say. */
export function physicalDiskView(target: EstateTarget, disk: PhysicalDisk) {
  const { lifeLeft, temperature, rpm, checkedAt, ...rest } = disk;
  return {
    id: diskIdOf(target.name, disk),
    ...rest,
    instance: target.name,
    wearout: lifeLeft ?? -1,
    temperature: temperature ?? 0,
    rpm: rpm ?? 0,
    lastChecked: isoSeconds(checkedAt),
  };
}

/** A replication job as Pulse's clients know it. */
export function replicationView(target: EstateTarget, job: ReplicationJob) {
  const { id, vmid, source, target: to, lastSyncAt, nextSyncAt, failures, duration, ...rest } = job;
  return {
    id: `${target.name}-${id}`,
    instance: target.name,
    jobId: id,
    guestId: vmid,
    sourceNode: source,
    targetNode: to,
    ...rest,
    status: failures > 0 ? 'error' : 'ok',
    failCount: failures,
    lastSyncDurationSeconds: Math.round(duration),
    ...(lastSyncAt !== null && { lastSyncTime: isoSeconds(lastSyncAt) }),
    ...(nextSyncAt !== null && { nextSyncTime: isoSeconds(nextSyncAt) }),
  };
}
