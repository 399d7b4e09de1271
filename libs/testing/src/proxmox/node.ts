import type { Random } from './random.js';
import { GiB, TiB } from './units.js';

/** A disk of a node. */
export interface Disk {
  devpath: string;
  model: string;
  serial: string;
  vendor: string;
  wwn: string;
  type: 'nvme' | 'ssd' | 'hdd';
  /** Bytes. */
  size: number;
  used: string;
  health: 'PASSED' | 'FAILED' | 'UNKNOWN';
  /** Percent of life left; none for a disk with platters. */
  wearout?: number;
  /** °C. */
  temperature: number;
  rpm: number;
  /** The number of its OSD; -1 for none. */
  osdid: number;
}

/** A ZFS pool of a node. Bytes. */
export interface ZfsPool {
  name: string;
  size: number;
  allocated: number;
  /** Percent. */
  fragmentation: number;
  health: 'ONLINE' | 'DEGRADED' | 'FAULTED';
  scan: string;
  /** Paths of the devices of its mirror. */
  devices: string[];
  errors: { read: number; write: number; checksum: number };
}

/** A node of Proxmox VE. Every field may be changed. */
export interface PveNode {
  readonly name: string;
  /** Its number in the cluster, from 1. */
  readonly id: number;
  address: string;
  readonly fingerprint: string;
  online: boolean;
  /** Unix milliseconds. */
  bootedAt: number;
  model: string;
  sockets: number;
  /** Of one socket. */
  cores: number;
  mhz: number;
  /** Fraction, 0 to 1. */
  cpu: number;
  /** Fraction, 0 to 1. */
  wait: number;
  memory: { total: number; used: number };
  swap: { total: number; used: number };
  rootfs: { total: number; used: number };
  load: [number, number, number];
  disks: Disk[];
  pools: ZfsPool[];
}

const models = [
  { model: 'AMD EPYC 7443P 24-Core Processor', cores: 24, mhz: 2850 },
  { model: 'Intel(R) Xeon(R) Gold 6230R CPU @ 2.10GHz', cores: 26, mhz: 2100 },
  { model: '13th Gen Intel(R) Core(TM) i7-13700', cores: 16, mhz: 2100 },
];

/** Logical processors: two threads to a core. */
export function processors(node: PveNode): number {
  return node.sockets * node.cores * 2;
}

/** Builds a node. @param id its number in the cluster, from 1. */
export function buildNode(random: Random, id: number): PveNode {
  const memory = random.pick([64, 128, 256, 384]) * GiB;
  const cpu = Number(random.between(0.04, 0.4).toFixed(4));
  const model = random.pick(models);
  const load = cpu * model.cores * 2;
  return {
    name: `pve${id}`,
    id,
    address: `10.10.${Math.floor(id / 250)}.${10 + (id % 250)}`,
    fingerprint: (random.hex(64).toUpperCase().match(/../g) ?? []).join(':'),
    online: true,
    bootedAt: Date.now() - random.integer(86_400, 120 * 86_400) * 1000,
    ...model,
    sockets: 1,
    cpu,
    wait: Number(random.between(0.0005, 0.02).toFixed(5)),
    memory: { total: memory, used: Math.round(memory * random.between(0.4, 0.85)) },
    swap: { total: 8 * GiB, used: Math.round(random.between(0, 0.2) * 8 * GiB) },
    rootfs: { total: 94 * GiB, used: Math.round(random.between(0.1, 0.6) * 94 * GiB) },
    load: [load, load * 0.95, load * 0.9],
    disks: disks(random, id),
    pools: [pool(random)],
  };
}

function disks(random: Random, id: number): Disk[] {
  const nvme = (index: number): Disk => ({
    ...identity(random, 'S6P1NX0W', 'eui.0025385'),
    devpath: `/dev/nvme${index}n1`,
    model: 'Samsung SSD 980 PRO 1TB',
    vendor: 'unknown',
    type: 'nvme',
    size: 1_000_204_886_016,
    used: 'ZFS',
    health: 'PASSED',
    wearout: random.integer(78, 99),
    temperature: random.integer(34, 52),
    rpm: 0,
    osdid: -1,
  });
  const osd = (letter: string, index: number): Disk => ({
    ...identity(random, '2034E4B1', '0x500a0751e4b1'),
    devpath: `/dev/sd${letter}`,
    model: 'Micron_5300_MTFDDAK1T9TDS',
    vendor: 'ATA     ',
    type: 'ssd',
    size: 1_920_383_410_176,
    used: 'LVM',
    health: 'PASSED',
    wearout: random.integer(85, 100),
    temperature: random.integer(28, 40),
    rpm: 0,
    osdid: (id - 1) * 2 + index,
  });
  const platters: Disk = {
    ...identity(random, 'ZL2A', '0x5000c500c8'),
    devpath: '/dev/sdc',
    model: 'ST8000NM000A-2KE101',
    vendor: 'ATA     ',
    type: 'hdd',
    size: 8_001_563_222_016,
    used: 'ext4',
    health: 'PASSED',
    temperature: random.integer(30, 44),
    rpm: 7200,
    osdid: -1,
  };
  return [nvme(0), nvme(1), osd('a', 0), osd('b', 1), platters];
}

function identity(random: Random, serial: string, wwn: string): Pick<Disk, 'serial' | 'wwn'> {
  return { serial: `${serial}${random.hex(6).toUpperCase()}`, wwn: `${wwn}${random.hex(6)}` };
}

function pool(random: Random): ZfsPool {
  const size = Math.round(0.88 * TiB);
  return {
    name: 'rpool',
    size,
    allocated: Math.round(size * random.between(0.1, 0.7)),
    fragmentation: random.integer(2, 35),
    health: 'ONLINE',
    scan: 'scrub repaired 0B in 00:06:12 with 0 errors on Sun Jan 12 00:30:13 2025',
    devices: ['/dev/nvme0n1p3', '/dev/nvme1n1p3'],
    errors: { read: 0, write: 0, checksum: 0 },
  };
}
