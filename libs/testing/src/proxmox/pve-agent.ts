import { setTimeout as delay } from 'node:timers/promises';
import type { Guest } from './guest.js';
import { guestOf } from './pve-guests.js';
import { ProxmoxError, type Ask, type Routes } from './router.js';

/** How long a slow guest agent takes, in milliseconds. */
const slowness = 20_000;

/** Source of the messages: PVE::QemuServer::Agent of qemu-server. */
async function agentOf(ask: Ask): Promise<Guest> {
  const guest = guestOf(ask, 'qemu');
  if (guest.agent === 'denied') {
    throw new ProxmoxError(
      403,
      `Permission check failed (/vms/${guest.vmid}, VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted)`,
    );
  }
  if (guest.agent === 'absent') throw new ProxmoxError(500, 'No QEMU guest agent configured');
  if (!guest.running) throw new ProxmoxError(500, `VM ${guest.vmid} is not running`);
  if (guest.agent === 'not-running') throw new ProxmoxError(500, 'QEMU guest agent is not running');
  if (guest.agent === 'slow') await delay(slowness, undefined, { ref: false });
  return guest;
}

function fileSystems(guest: Guest): unknown[] {
  return guest.fileSystems.map(({ device, mountpoint, type, total, used }, index) => ({
    name: device.replace('/dev/', ''),
    mountpoint,
    type,
    'total-bytes': total,
    'used-bytes': used,
    disk: [
      {
        dev: device,
        'bus-type': 'scsi',
        bus: 0,
        target: 0,
        unit: index,
        serial: '0QEMU_QEMU_HARDDISK_drive-scsi0',
        'pci-controller': {
          domain: 0,
          bus: 9,
          slot: 1,
          function: 0,
        },
      },
    ],
  }));
}

function interfaces(guest: Guest): unknown[] {
  const { netin, netout } = guest.counters;
  const clean = { 'rx-errs': 0, 'rx-dropped': 0, 'tx-errs': 0, 'tx-dropped': 0 };
  const mac = guest.mac.toLowerCase();
  return [
    {
      name: 'lo',
      'hardware-address': '00:00:00:00:00:00',
      'ip-addresses': [
        { 'ip-address-type': 'ipv4', 'ip-address': '127.0.0.1', prefix: 8 },
        { 'ip-address-type': 'ipv6', 'ip-address': '::1', prefix: 128 },
      ],
      statistics: { 'rx-bytes': 8120, 'tx-bytes': 8120, 'rx-packets': 96, 'tx-packets': 96, ...clean },
    },
    {
      name: 'eth0',
      'hardware-address': mac,
      'ip-addresses': [
        { 'ip-address-type': 'ipv4', 'ip-address': guest.address, prefix: 16 },
        { 'ip-address-type': 'ipv6', 'ip-address': 'fe80::be24:11ff:fe00:1', prefix: 64 },
      ],
      statistics: {
        'rx-bytes': netin,
        'tx-bytes': netout,
        ...clean,
        'rx-packets': Math.ceil(netin / 900),
        'tx-packets': Math.ceil(netout / 900),
      },
    },
  ];
}

const osInfo = {
  id: 'debian',
  name: 'Debian GNU/Linux',
  'pretty-name': 'Debian GNU/Linux 12 (bookworm)',
  version: '12 (bookworm)',
  'version-id': '12',
  'kernel-release': '6.1.0-28-amd64',
  'kernel-version': '#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)',
  machine: 'x86_64',
};
const info = {
  version: '7.2.13',
  supported_commands: ['guest-get-fsinfo', 'guest-network-get-interfaces', 'guest-get-osinfo', 'guest-file-read'].map(
    (name) => ({ name, enabled: true, 'success-response': true }),
  ),
};

/** What `/proc/meminfo` says inside a virtual machine. */
function memoryInfo(guest: Guest): string {
  const free = guest.maxmem - guest.mem;
  const lines: [string, number][] = [
    ['MemTotal', guest.maxmem],
    ['MemFree', free],
    ['MemAvailable', free + guest.cached],
    ['Buffers', guest.cached * 0.1],
    ['Cached', guest.cached * 0.9],
    ['SwapTotal', 0],
    ['SwapFree', 0],
  ];
  return lines
    .map(([name, bytes]) => `${`${name}:`.padEnd(16)}${String(Math.round(bytes / 1024)).padStart(8)} kB\n`)
    .join('');
}

function fileRead(ask: Ask, guest: Guest): Record<string, unknown> {
  const file = ask.query.get('file') ?? '';
  if (file !== '/proc/meminfo') {
    throw new ProxmoxError(500, `Agent error: failed to open file '${file}' (mode: 'r'): No such file or directory`);
  }
  const content = memoryInfo(guest);
  return { content, 'bytes-read': content.length };
}

function answers(result: (guest: Guest) => unknown): (ask: Ask) => Promise<unknown> {
  return async (ask) => ({ result: result(await agentOf(ask)) });
}

/** What the guest agent of a virtual machine says. */
export const agentRoutes: Routes = {
  '/nodes/{n}/qemu/{id}/agent/get-fsinfo': answers(fileSystems),
  '/nodes/{n}/qemu/{id}/agent/network-get-interfaces': answers(interfaces),
  '/nodes/{n}/qemu/{id}/agent/get-osinfo': answers(() => osInfo),
  '/nodes/{n}/qemu/{id}/agent/info': answers(() => info),
  '/nodes/{n}/qemu/{id}/agent/file-read': async (ask) => fileRead(ask, await agentOf(ask)),
};
