import type { DiskReason, ProxmoxGuest } from '@lapwing/contracts';
import { ProxmoxError } from '../proxmox/proxmox-error.js';
import { amount, known, record, records, text, usage, type Json } from '../proxmox/values.js';

type Filesystem = ProxmoxGuest['filesystems'][number];
type Interface = ProxmoxGuest['interfaces'][number];

const SPECIAL_TYPES = [
  'tmpfs',
  'devtmpfs',
  'squashfs',
  'erofs',
  'iso9660',
  'cdfs',
  'udf',
  'overlay',
  'cgroup',
  'cgroup2',
];
const SPECIAL_MOUNTS = /^\/(dev|proc|sys|run|snap)(\/|$)|^\/var\/lib\/docker(\/|$)|^\/boot\/efi$|^system reserved$/i;

/**
 * The file systems of a guest, as its agent tells them in `agent/get-fsinfo`. Those that hold no data of their own are passed over; what
 * is mounted at several places counts once, at the first.
 * @returns why there are none, where there are none.
 */
export function parseFilesystems(data: unknown): {
  filesystems: Filesystem[];
  disk: ProxmoxGuest['disk'];
  reason: DiskReason | null;
} {
  const all = records(record(data)['result'] ?? data, 500);
  const seen = new Set<string>();
  const filesystems = all.flatMap((entry): Filesystem[] => {
    const found = filesystemOf(entry);
    if (!found || seen.has(found.key)) return [];
    seen.add(found.key);
    return [found.filesystem];
  });
  const sum = (of: (one: Filesystem) => number): number => filesystems.reduce((total, one) => total + of(one), 0);
  const reason = all.length === 0 ? 'no-filesystems' : filesystems.length === 0 ? 'special-filesystems-only' : null;
  const disk =
    reason === null
      ? usage(
          sum(({ total }) => total),
          sum(({ used }) => used),
        )
      : null;
  return { filesystems: filesystems.slice(0, 200), disk, reason };
}

function filesystemOf(entry: Json): { key: string; filesystem: Filesystem } | undefined {
  const mountpoint = text(entry['mountpoint'], 1024);
  const type = text(entry['type'], 64);
  const total = amount(entry['total-bytes']);
  if (total <= 0 || SPECIAL_TYPES.includes(type.toLowerCase()) || SPECIAL_MOUNTS.test(mountpoint)) return undefined;
  const [disk] = records(entry['disk'], 1);
  const device = text(disk?.['dev']) || text(entry['name']);
  return {
    key: device || mountpoint,
    filesystem: { ...usage(total, amount(entry['used-bytes'])), mountpoint, type, device },
  };
}

/** The interfaces of a guest, as its agent tells them in `agent/network-get-interfaces`, or a container in `interfaces`; without loopback. */
export function parseInterfaces(data: unknown): Interface[] {
  return records(record(data)['result'] ?? data, 100)
    .filter(({ name }) => name !== 'lo' && !/^loopback/i.test(String(name)))
    .map((entry) => ({
      name: text(entry['name']),
      mac: text(entry['hardware-address'] ?? entry['hwaddr'], 64),
      addresses: addressesOf(entry),
      rxBytes: amount(record(entry['statistics'])['rx-bytes']),
      txBytes: amount(record(entry['statistics'])['tx-bytes']),
    }));
}

function addressesOf(entry: Json): string[] {
  const told = records(entry['ip-addresses'], 64).map((address) => text(address['ip-address'], 64));
  const plain = [entry['inet'], entry['inet6']].map((address) => text(address, 64).replace(/\/.*/, ''));
  return [...new Set([...told, ...plain])]
    .filter((address) => address !== '' && !/^(fe80:|127\.|::1$)/i.test(address))
    .slice(0, 64);
}

/** The operating system, as `agent/get-osinfo` tells it; null when it tells nothing. */
export function parseOs(data: unknown): ProxmoxGuest['os'] {
  const info = record(record(data)['result'] ?? data);
  const name = text(info['name']) || text(info['pretty-name']);
  return name === '' ? null : { name, version: text(info['version']) || text(info['version-id']) };
}

/** Bytes of memory that can be had inside a guest, out of its /proc/meminfo; undefined when it does not tell. */
export function parseAvailable(data: unknown): number | undefined {
  const content = record(data)['content'];
  if (typeof content !== 'string') return undefined;
  const line = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s+(\\d{1,15}) kB`, 'm').exec(content.slice(0, 8192))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  };
  const parts = [line('MemFree'), line('Buffers'), line('Cached')];
  const sum = parts.every((part) => part !== undefined) ? parts.reduce((all, part) => all + part, 0) : undefined;
  return line('MemAvailable') ?? sum;
}

/**
 * Which share of what Proxmox calls used is caches: `mem` of the status less what is really taken. What can be had is the first of the
 * agent's word, `free + buffers + cached` of the balloon, `freemem`.
 */
export function cacheOf(
  status: Json,
  available: number | undefined,
): { cacheShare: number; uptime: number; balloon: number | undefined } {
  const reported = amount(status['mem']);
  const maxMemory = amount(status['maxmem']);
  const balloon = known(status['balloon']);
  const total = balloon !== undefined && balloon > 0 && balloon < maxMemory ? balloon : maxMemory;
  const info = record(status['ballooninfo']);
  const parts = [info['free_mem'], info['buffers'], info['cached']].map(known);
  const summed = parts.every((part) => part !== undefined) ? parts.reduce((all, part) => all + part, 0) : undefined;
  const free = available ?? summed ?? known(status['freemem']);
  const used = free === undefined ? reported : Math.max(total - free, 0);
  const cacheShare = reported > 0 ? Math.max(reported - used, 0) / reported : 0;
  return { cacheShare, uptime: amount(status['uptime']), balloon };
}

/** Why an agent told nothing, in the words that Pulse's clients know. */
export function reasonOf(error: unknown): DiskReason {
  if (!(error instanceof ProxmoxError)) return 'agent-error';
  if (error.kind === 'permission' || error.kind === 'auth') return 'permission-denied';
  if (error.kind === 'timeout') return 'agent-timeout';
  if (/no qemu guest agent|agent.*not (configured|enabled)/i.test(error.message)) return 'agent-disabled';
  if (/not running/i.test(error.message)) return 'agent-not-running';
  return /time ?out/i.test(error.message) ? 'agent-timeout' : 'agent-error';
}
