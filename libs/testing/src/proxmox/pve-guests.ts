import type { Guest, GuestKind } from './guest.js';
import { hostMemory } from './pve-resources.js';
import { nodeOf } from './pve-nodes.js';
import { ProxmoxError, type Ask, type Routes } from './router.js';
import { GiB, MiB, flag, nowSeconds } from './units.js';

/** The guest that is asked for. Throws with 500 where it is not on the node, as Proxmox does. */
export function guestOf(ask: Ask, kind: GuestKind): Guest {
  const node = nodeOf(ask).name;
  const id = ask.parameters['id'] ?? '';
  const guest = ask.estate.guests.get(Number(id));
  if (guest?.kind === kind && guest.node === node) return guest;
  const folder = kind === 'qemu' ? 'qemu-server' : 'lxc';
  throw new ProxmoxError(500, `Configuration file 'nodes/${node}/${folder}/${id}.conf' does not exist`);
}

function listed(ask: Ask, kind: GuestKind): unknown[] {
  const node = nodeOf(ask).name;
  return [...ask.estate.guests.values()]
    .filter((guest) => guest.kind === kind && guest.node === node)
    .map((guest) => ({ ...basics(ask, guest), ...(kind === 'qemu' ? { diskread: 0, diskwrite: 0 } : {}) }));
}

function basics(ask: Ask, guest: Guest): Record<string, unknown> {
  const { running } = guest;
  const pressure = { pressurecpusome: 0, pressurecpufull: 0, pressureiosome: 0.04, pressureiofull: 0.02 };
  return {
    vmid: guest.vmid,
    name: guest.name,
    status: guest.status,
    cpu: running ? guest.cpu : 0,
    cpus: guest.cpus,
    mem: running ? guest.mem : 0,
    maxmem: guest.maxmem,
    disk: guest.kind === 'lxc' && running ? guest.disk : 0,
    maxdisk: guest.maxdisk,
    ...guest.counters,
    uptime: guest.uptime,
    ...(running ? { pid: 10_000 + guest.vmid } : {}),
    ...(guest.template ? { template: 1 } : {}),
    ...(guest.tags.length > 0 ? { tags: guest.tags.join(';') } : {}),
    ...(guest.lock ? { lock: guest.lock } : {}),
    ...(guest.kind === 'lxc' ? { type: 'lxc', swap: 0, maxswap: 512 * MiB } : {}),
    ...(ask.version === '9' && running ? { ...pressure, pressurememorysome: 0, pressurememoryfull: 0 } : {}),
    ...(ask.version === '9' && guest.kind === 'qemu' ? { memhost: hostMemory(guest) } : {}),
  };
}

function highAvailability(guest: Guest): Record<string, unknown> {
  return { ha: guest.hastate ? { managed: 1, state: guest.hastate, group: 'all' } : { managed: 0 } };
}

function qemuStatus(ask: Ask): Record<string, unknown> {
  const guest = guestOf(ask, 'qemu');
  const qmpstatus = guest.paused && guest.running ? 'paused' : guest.status;
  const common = { ...basics(ask, guest), ...highAvailability(guest), qmpstatus };
  const agent = guest.agent === 'absent' ? {} : { agent: 1 };
  if (!guest.running) return { ...common, ...agent };
  const { netin, netout, diskread, diskwrite } = guest.counters;
  const free = guest.maxmem - guest.mem;
  const release = ask.version === '9' ? '10.0.2' : '9.2.0';
  return {
    ...common,
    ...agent,
    balloon: guest.maxmem,
    freemem: free,
    ballooninfo: {
      actual: guest.maxmem,
      max_mem: guest.maxmem,
      total_mem: guest.maxmem,
      free_mem: free,
      mem_swapped_in: 0,
      mem_swapped_out: 0,
      major_page_faults: 412,
      minor_page_faults: 912004,
      last_update: nowSeconds(),
    },
    nics: { [`tap${guest.vmid}i0`]: { netin, netout } },
    blockstat: { scsi0: { rd_bytes: diskread, wr_bytes: diskwrite, failed_rd_operations: 0, failed_wr_operations: 0 } },
    'running-machine': `pc-i440fx-${release.slice(0, -2)}+pve0`,
    'running-qemu': release,
    'proxmox-support': { 'pbs-dirty-bitmap': true, 'query-bitmap-info': true, 'backup-max-workers': true },
    clipboard: null,
  };
}

function lxcStatus(ask: Ask): Record<string, unknown> {
  const guest = guestOf(ask, 'lxc');
  return { ...basics(ask, guest), ...highAvailability(guest) };
}

function configBasics(guest: Guest): Record<string, unknown> {
  return {
    cores: guest.cpus,
    onboot: 1,
    digest: guest.vmid.toString(16).padStart(40, 'a'),
    ...(guest.tags.length > 0 ? { tags: guest.tags.join(';') } : {}),
    ...(guest.template ? { template: 1 } : {}),
    ...(guest.lock ? { lock: guest.lock } : {}),
  };
}

const inGiB = (bytes: number): string => `${Math.round(bytes / GiB)}G`;

function qemuConfig(ask: Ask): Record<string, unknown> {
  const guest = guestOf(ask, 'qemu');
  return {
    ...configBasics(guest),
    name: guest.name,
    memory: String(guest.maxmem / MiB),
    sockets: 1,
    cpu: 'x86-64-v2-AES',
    ostype: 'l26',
    scsihw: 'virtio-scsi-single',
    scsi0: `${guest.volume},discard=on,iothread=1,size=${inGiB(guest.maxdisk)}`,
    ide2: 'none,media=cdrom',
    net0: `virtio=${guest.mac},bridge=vmbr0,firewall=1`,
    boot: 'order=scsi0;ide2;net0',
    meta: 'creation-qemu=9.0.2,ctime=1725000000',
    ...(guest.agent === 'absent' ? {} : { agent: '1' }),
  };
}

function lxcConfig(ask: Ask): Record<string, unknown> {
  const guest = guestOf(ask, 'lxc');
  return {
    ...configBasics(guest),
    hostname: guest.name,
    memory: guest.maxmem / MiB,
    swap: 512,
    arch: 'amd64',
    ostype: 'debian',
    unprivileged: 1,
    features: 'nesting=1',
    rootfs: `${guest.volume},size=${inGiB(guest.maxdisk)}`,
    net0: `name=eth0,bridge=vmbr0,hwaddr=${guest.mac},ip=dhcp,type=veth`,
  };
}

function lxcInterfaces(ask: Ask): unknown {
  const guest = guestOf(ask, 'lxc');
  if (!guest.running) return null;
  return [
    lxcInterface(ask, 'lo', '00:00:00:00:00:00', '127.0.0.1', 8, '::1', 128),
    lxcInterface(ask, 'eth0', guest.mac.toLowerCase(), guest.address, 16, 'fe80::be24:11ff:fe00:1', 64),
  ];
}

function lxcInterface(
  ask: Ask,
  name: string,
  mac: string,
  v4: string,
  bits4: number,
  v6: string,
  bits6: number,
): unknown {
  const addresses = [
    { 'ip-address-type': 'inet', 'ip-address': v4, prefix: bits4 },
    { 'ip-address-type': 'inet6', 'ip-address': v6, prefix: bits6 },
  ];
  return {
    name,
    hwaddr: mac,
    inet: `${v4}/${bits4}`,
    inet6: `${v6}/${bits6}`,
    ...(ask.version === '9'
      ? {
          'hardware-address': mac,
          'ip-addresses': addresses,
        }
      : {}),
  };
}

function snapshots(ask: Ask, kind: GuestKind): unknown[] {
  const guest = guestOf(ask, kind);
  const last = guest.snapshots.at(-1)?.name;
  return [
    ...guest.snapshots.map(({ name, description, time, parent, vmstate }) => ({
      name,
      description,
      snaptime: time,
      ...(parent ? { parent } : {}),
      ...(kind === 'qemu' ? { vmstate: flag(vmstate) } : {}),
    })),
    {
      name: 'current',
      description: 'You are here!',
      digest: guest.vmid.toString(16).padStart(40, 'a'),
      running: flag(guest.running),
      ...(last ? { parent: last } : {}),
    },
  ];
}

/** What belongs to a guest, the guest agent apart. */
export const guestRoutes: Routes = {
  '/nodes/{n}/qemu': (ask) => listed(ask, 'qemu'),
  '/nodes/{n}/lxc': (ask) => listed(ask, 'lxc'),
  '/nodes/{n}/qemu/{id}/status/current': qemuStatus,
  '/nodes/{n}/lxc/{id}/status/current': lxcStatus,
  '/nodes/{n}/qemu/{id}/config': qemuConfig,
  '/nodes/{n}/lxc/{id}/config': lxcConfig,
  '/nodes/{n}/lxc/{id}/interfaces': lxcInterfaces,
  '/nodes/{n}/qemu/{id}/snapshot': (ask) => snapshots(ask, 'qemu'),
  '/nodes/{n}/lxc/{id}/snapshot': (ask) => snapshots(ask, 'lxc'),
};
