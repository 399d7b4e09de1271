import { Guest, type FileSystem, type GuestKind, type Snapshot } from './guest.js';
import type { Random } from './random.js';
import { GiB, MiB, day, night } from './units.js';

const roles = ['web', 'db', 'mail', 'git', 'ci', 'cache', 'dns', 'proxy', 'files', 'monitor', 'queue', 'backup'];
const owners = ['prod', 'staging', 'dev', 'lab'];

/** Says of the guest with this number on which node it is. */
export type Placement = (index: number) => string;

/** Builds that many guests, from VMID 100 on: three virtual machines to two containers, one of ten stopped. */
export function buildGuests(random: Random, count: number, place: Placement): Guest[] {
  return Array.from({ length: count }, (_, index) => buildGuest(random, 100 + index, index, place(index)));
}

/** Builds one guest. @param index decides its kind and what is special about it. */
export function buildGuest(random: Random, vmid: number, index: number, node: string): Guest {
  const kind: GuestKind = index % 5 === 1 || index % 5 === 3 ? 'lxc' : 'qemu';
  const template = index % 40 === 37;
  const role = random.pick(roles);
  const cpus = random.pick(kind === 'qemu' ? [1, 2, 2, 4, 4, 8] : [1, 1, 2, 2, 4]);
  const maxmem = random.pick(kind === 'qemu' ? [2, 4, 4, 8, 16] : [0.5, 1, 2, 4]) * GiB;
  const mem = Math.round(maxmem * random.between(0.25, 0.85));
  const maxdisk = random.pick([8, 16, 32, 64, 128]) * GiB;
  const used = Math.round(maxdisk * random.between(0.15, 0.8));
  return new Guest({
    vmid,
    kind,
    node,
    template,
    cpus,
    maxmem,
    mem,
    maxdisk,
    name: `${role}-${vmid}`,
    running: !template && index % 10 !== 3,
    cpu: Number(random.between(0.01, 0.35).toFixed(4)),
    cached: Math.round(mem * random.between(0.1, 0.4)),
    disk: kind === 'lxc' ? used : 0,
    tags: [random.pick(owners), role],
    agent: kind === 'qemu' && index % 20 === 14 ? 'absent' : 'ok',
    rates: {
      netin: random.integer(2e3, 4e5),
      netout: random.integer(2e3, 6e5),
      diskread: random.integer(500, 3e5),
      diskwrite: random.integer(5e3, 9e5),
    },
    mac: random.mac(),
    address: `10.${20 + Math.floor(vmid / 65536)}.${Math.floor(vmid / 256) % 256}.${vmid % 256}`,
    fileSystems: kind === 'qemu' ? fileSystems(maxdisk, used) : [],
    snapshots: index % 3 === 0 ? snapshots(random) : [],
    uptime: random.integer(3600, 90 * day),
    volume: volume(kind, vmid, index),
    ...(index % 15 === 0 && !template ? { hastate: 'started' } : {}),
  });
}

function volume(kind: GuestKind, vmid: number, index: number): string {
  const store = kind === 'qemu' && index % 2 === 0 ? 'ceph-rbd' : 'local-lvm';
  return `${store}:${kind === 'qemu' ? 'vm' : 'subvol'}-${vmid}-disk-0`;
}

function fileSystems(maxdisk: number, used: number): FileSystem[] {
  const efi = 512 * MiB;
  return [
    { device: '/dev/sda2', mountpoint: '/', type: 'ext4', total: maxdisk - efi, used },
    { device: '/dev/sda1', mountpoint: '/boot/efi', type: 'vfat', total: efi, used: 6 * MiB },
  ];
}

function snapshots(random: Random): Snapshot[] {
  const before = night(random.integer(10, 60)) + random.integer(0, 40_000);
  return [
    { name: 'before_upgrade', description: 'before the upgrade\n', time: before, vmstate: false },
    { name: 'good', description: '', time: before + 5 * day, parent: 'before_upgrade', vmstate: random.next() < 0.3 },
  ];
}
