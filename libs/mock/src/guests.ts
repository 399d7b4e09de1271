import type { DiskReason, MockConfig, ProxmoxGuest } from '@lapwing/contracts';
import { between, hashOf, hex, mix, pick, unit } from './hash.js';
import { GIB, clamp, drift, round2, swing, uptimeOf, usageOf, type Clock } from './motion.js';
import type { NodePlan } from './nodes.js';

/** What of a made-up guest does not change. Bytes, bytes per second; shares 0 to 1. */
export interface GuestPlan {
  vmid: number;
  node: string;
  name: string;
  type: 'qemu' | 'lxc';
  seed: number;
  running: boolean;
  /** Percent, about which it moves. */
  cpu: number;
  cpus: number;
  memoryTotal: number;
  memoryShare: number;
  balloon: boolean;
  diskTotal: number;
  diskShare: number;
  /** Why its file systems are not known. */
  diskReason: DiskReason | null;
  rates: Record<GuestRate, number>;
  os: { name: string; version: string } | null;
  mac: string;
  address: string;
  tags: string[];
}

/** What goes in and out of a guest. */
export type GuestRate = 'networkIn' | 'networkOut' | 'diskRead' | 'diskWrite';

const DEBIAN = { name: 'Debian GNU/Linux', version: '12 (bookworm)' };
const UBUNTU = { name: 'Ubuntu', version: '24.04.2 LTS (Noble Numbat)' };
const WINDOWS = { name: 'Microsoft Windows', version: 'Windows Server 2022 Standard' };
type Role = [name: string, os: typeof DEBIAN | null];
const roles: Record<GuestPlan['type'], [Role, ...Role[]]> = {
  qemu: [
    ['web', DEBIAN],
    ['db', DEBIAN],
    ['app', UBUNTU],
    ['k8s-node', UBUNTU],
    ['files', WINDOWS],
    ['mail', DEBIAN],
    ['build', UBUNTU],
  ],
  lxc: [
    ['proxy', null],
    ['dns', null],
    ['cache', null],
    ['git', null],
    ['wiki', null],
    ['mqtt', null],
    ['media', null],
    ['metrics', null],
    ['chat', null],
  ],
};

/** The guests of a configuration, by node; virtual machines before containers. */
export function planGuests(config: MockConfig, nodes: NodePlan[]): GuestPlan[] {
  const guests = nodes.flatMap((node) => [
    ...Array.from({ length: config.vmsPerNode }, (_, at) => planGuest(config, node, 'qemu', at)),
    ...Array.from({ length: config.lxcsPerNode }, (_, at) => planGuest(config, node, 'lxc', at)),
  ]);
  const stopped = Math.round(guests.length * config.stoppedPercent);
  const shuffled = guests.map((guest) => ({ guest, rank: mix(guest.seed, 1) })).toSorted((a, b) => a.rank - b.rank);
  for (const { guest } of shuffled.slice(0, stopped)) guest.running = false;
  return guests;
}

function planGuest(config: MockConfig, node: NodePlan, type: GuestPlan['type'], at: number): GuestPlan {
  const isVm = type === 'qemu';
  // Numbers stay when others are added: a thousand for each node, its containers from 101 on.
  const vmid = 1000 * (node.index + 1) + (isVm ? 1 : 101) + at;
  const seed = hashOf(`guest:${vmid}`);
  const nth = node.index * (isVm ? config.vmsPerNode : config.lxcsPerNode) + at;
  const several = roles[type];
  const [role, os] = several[nth % several.length] ?? several[0];
  const silent = isVm && unit(seed, 2) < 0.1;
  const megabyte = node.highLoad ? 6e6 : 1.5e6;
  return {
    vmid,
    node: node.name,
    name: `${role}-${Math.floor(nth / several.length) + 1}`,
    type,
    seed,
    running: true,
    cpu: node.highLoad ? between(seed, 3, 45, 85) : between(seed, 3, 2, 35),
    cpus: isVm ? pick(seed, 4, [2, 4, 4, 8]) : pick(seed, 4, [1, 2, 2, 4]),
    memoryTotal: (isVm ? pick(seed, 5, [4, 8, 8, 16]) : pick(seed, 5, [0.5, 1, 2, 4])) * GIB,
    memoryShare: node.highLoad ? between(seed, 6, 0.7, 0.9) : between(seed, 6, 0.25, 0.75),
    balloon: isVm && unit(seed, 7) < 0.1,
    diskTotal: (isVm ? pick(seed, 8, [32, 64, 100, 250]) : pick(seed, 8, [8, 16, 32])) * GIB,
    diskShare: unit(seed, 9) < 0.04 ? 0.92 : between(seed, 10, 0.15, 0.75),
    diskReason: silent ? pick<DiskReason>(seed, 11, ['agent-disabled', 'agent-not-running']) : null,
    rates: {
      networkIn: between(seed, 12, 0.02, 1) * megabyte,
      networkOut: between(seed, 13, 0.02, 1) * megabyte,
      diskRead: between(seed, 14, 0.01, 0.6) * megabyte,
      diskWrite: between(seed, 15, 0.05, 1) * megabyte,
    },
    os,
    mac: `BC:24:11:${hex(seed, 16, 6)
      .toUpperCase()
      .replaceAll(/..(?=.)/g, '$&:')}`,
    address: `10.${20 + node.index}.${isVm ? 1 : 2}.${10 + at}`,
    tags: pick(seed, 17, [['production'], ['production', 'critical'], ['staging'], []]),
  };
}

const rateSalts: Record<GuestRate, number> = { networkIn: 24, networkOut: 25, diskRead: 26, diskWrite: 27 };

/** What a guest shows on charts, at an instant. */
export const guestFigures = {
  /** Percent. */
  cpu: (guest: GuestPlan, clock: Clock): number =>
    guest.running ? round2(clamp(guest.cpu * (1 + 0.6 * swing(mix(guest.seed, 21), clock)), 0.1, 100)) : 0,
  /** Bytes. */
  memoryUsed: (guest: GuestPlan, clock: Clock): number =>
    guest.running ? Math.round(guest.memoryTotal * (guest.memoryShare + 0.08 * swing(mix(guest.seed, 22), clock))) : 0,
  /** Bytes; null when nobody knows. */
  diskUsed: (guest: GuestPlan, clock: Clock): number | null =>
    guest.running && guest.diskReason === null
      ? Math.round(guest.diskTotal * (guest.diskShare + 0.04 * drift(mix(guest.seed, 23), clock)))
      : null,
  /** Bytes per second: a sixth to six times of what it is commonly. */
  rate: (guest: GuestPlan, rate: GuestRate, clock: Clock): number =>
    guest.running ? Math.round(guest.rates[rate] * 2 ** (2.6 * swing(mix(guest.seed, rateSalts[rate]), clock))) : 0,
};

/** A guest at an instant. */
export function guestAt(guest: GuestPlan, clock: Clock): ProxmoxGuest {
  const uptime = guest.running ? uptimeOf(guest.seed, clock.now) : 0;
  const used = guestFigures.diskUsed(guest, clock);
  const known = used !== null;
  const memory = usageOf(guest.memoryTotal, guestFigures.memoryUsed(guest, clock));
  return {
    vmid: guest.vmid,
    node: guest.node,
    name: guest.name,
    type: guest.type,
    status: guest.running ? 'running' : 'stopped',
    cpu: guestFigures.cpu(guest, clock),
    cpus: guest.cpus,
    memory: guest.balloon ? { ...memory, balloon: memory.total } : memory,
    disk: known ? usageOf(guest.diskTotal, used) : null,
    diskReason: guest.running ? guest.diskReason : 'vm-stopped',
    filesystems: known ? filesystemsOf(guest, used) : [],
    os: known && guest.os ? { ...guest.os } : null,
    interfaces: known ? interfacesOf(guest, uptime) : [],
    networkIn: guestFigures.rate(guest, 'networkIn', clock),
    networkOut: guestFigures.rate(guest, 'networkOut', clock),
    diskRead: guestFigures.rate(guest, 'diskRead', clock),
    diskWrite: guestFigures.rate(guest, 'diskWrite', clock),
    uptime,
    template: false,
    tags: [...guest.tags],
    lock: '',
  };
}

function filesystemsOf(guest: GuestPlan, used: number): ProxmoxGuest['filesystems'] {
  const { diskTotal, os, type } = guest;
  if (os === WINDOWS) return [{ ...usageOf(diskTotal, used), mountpoint: 'C:\\', type: 'NTFS', device: 'C:' }];
  if (type === 'lxc') return [{ ...usageOf(diskTotal, used), mountpoint: '/', type: 'zfs', device: 'rootfs' }];
  const root = { mountpoint: '/', type: 'ext4', device: '/dev/sda1' };
  if (diskTotal <= 64 * GIB) return [{ ...usageOf(diskTotal, used), ...root }];
  const rootUsed = Math.round((used * 32 * GIB) / diskTotal);
  return [
    { ...usageOf(32 * GIB, rootUsed), ...root },
    { ...usageOf(diskTotal - 32 * GIB, used - rootUsed), mountpoint: '/srv', type: 'ext4', device: '/dev/sdb1' },
  ];
}

function interfacesOf({ type, os, mac, address, rates }: GuestPlan, uptime: number): ProxmoxGuest['interfaces'] {
  const name = type === 'lxc' ? 'eth0' : os === WINDOWS ? 'Ethernet' : 'ens18';
  const rxBytes = Math.round(rates.networkIn * uptime);
  const txBytes = Math.round(rates.networkOut * uptime);
  return [{ name, mac, addresses: [address], rxBytes, txBytes }];
}
