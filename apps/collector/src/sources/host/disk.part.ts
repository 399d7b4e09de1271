import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Host } from '../../store/host.js';
import type { PartOf, PartReader } from '../source.js';
import { monotonicSeconds, ratePerSecond, readText } from './proc.js';

const SECTOR = 512;
const PSEUDO = new Set(
  `autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fuse.lxcfs fuse.gvfsd-fuse fusectl
   fuse.portal hugetlbfs mqueue nsfs proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs`.split(
    /\s+/,
  ),
);
const HUNG_MS = 2000;

/** A mount: what is mounted where. */
export interface Mount {
  id: string;
  device: string;
  mountpoint: string;
  fstype: string;
}

const unescape = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/**
 * Reads /proc/self/mountinfo: file systems without the pseudo ones, each device once, at its shortest mount point.
 * Source: proc_pid_mountinfo(5).
 * @param root where the host's root is mounted: only what lies there counts, with the mount points that the host has. Only of what is seen
 * there it is certain that its figures are those of the mount, and not of the folder below it.
 */
export function parseMountinfo(text: string, root = ''): Mount[] {
  const byDevice = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [, , id, , where = ''] = left.split(' ');
    const [fstype, device] = right.split(' ');
    const mountpoint = below(unescape(where), root);
    if (!id || !mountpoint || !fstype || !device || PSEUDO.has(fstype)) continue;
    if (fstype === 'overlay' && mountpoint !== '/') continue;
    const mount = { id, device: unescape(device), mountpoint, fstype };
    const known = byDevice.get(id);
    if (!known || mount.mountpoint.length < known.mountpoint.length) byDevice.set(id, mount);
  }
  return [...byDevice.values()].toSorted((a, b) => a.mountpoint.localeCompare(b.mountpoint));
}

/** A mount point as the host sees it; undefined for one that is not the host's. */
function below(mountpoint: string, root: string): string | undefined {
  if (root === '') return mountpoint;
  if (mountpoint === root) return '/';
  return mountpoint.startsWith(`${root}/`) ? mountpoint.slice(root.length) : undefined;
}

/** Bytes that a device has read and written since the host started. */
export interface DeviceBytes {
  device: string;
  readBytes: number;
  writeBytes: number;
}

/** Reads /proc/diskstats; sectors are 512 bytes whatever the device. Source: Documentation/admin-guide/iostats.rst. */
export function parseDiskstats(text: string): DeviceBytes[] {
  return text.split('\n').flatMap((line) => {
    const [, , device, , , read, , , , write] = line.trim().split(/\s+/);
    if (!device || /^(loop|ram|zram|fd|sr)\d/.test(device)) return [];
    return [{ device, readBytes: Number(read) * SECTOR, writeBytes: Number(write) * SECTOR }];
  });
}

/** Reads mounts and the traffic of whole devices (partitions and mappings onto them are left out, to count nothing twice). */
export class DiskReader implements PartReader<'disk'> {
  readonly part = 'disk';
  readonly everyMs = 0;
  readonly limitMs = 3000;
  readonly empty: PartOf<'disk'> = { mounts: [], io: [] };
  #mountinfo: string | undefined;
  #mounts: Mount[] = [];
  #devices = new Map<string, boolean>();
  #before: { at: number; bytes: Map<string, DeviceBytes> } = { at: 0, bytes: new Map() };
  readonly #hung = new Map<string, Promise<unknown>>();

  constructor(private readonly host: Host) {}

  async read(): Promise<PartOf<'disk'>> {
    const mountinfo = readText('/proc/self/mountinfo') ?? '';
    if (mountinfo !== this.#mountinfo) {
      this.#mountinfo = mountinfo;
      this.#mounts = parseMountinfo(Buffer.from(mountinfo, 'latin1').toString(), this.host.root);
    }
    const mounts = await Promise.all(this.#mounts.map((mount) => this.#measure(mount)));
    return { mounts: mounts.flatMap((mount) => mount ?? []), io: this.#traffic() };
  }

  /** A file system that does not answer (a server that is away) is left out and not asked again until it has answered. */
  async #measure({ device, mountpoint, fstype }: Mount) {
    if (this.#hung.has(mountpoint)) return undefined;
    const asked = statfs(this.host.below(mountpoint)).finally(() => this.#hung.delete(mountpoint));
    this.#hung.set(
      mountpoint,
      asked.catch(() => {}),
    );
    try {
      const stats = await Promise.race([
        asked,
        new Promise<undefined>((resolve) => setTimeout(resolve, HUNG_MS, undefined).unref()),
      ]);
      if (!stats || stats.blocks === 0) return undefined;
      const total = stats.blocks * stats.bsize;
      const used = (stats.blocks - stats.bfree) * stats.bsize;
      return { device, mountpoint, fstype, total, used, free: stats.bavail * stats.bsize };
    } catch {
      return undefined;
    }
  }

  #traffic(): PartOf<'disk'>['io'] {
    const at = monotonicSeconds();
    const devices = parseDiskstats(readText(`${this.host.proc}/diskstats`) ?? '').filter(({ device }) =>
      this.#isWhole(device),
    );
    const before = this.#before;
    this.#before = { at, bytes: new Map(devices.map((entry) => [entry.device, entry])) };
    return devices.map((entry) => {
      const last = before.bytes.get(entry.device) ?? entry;
      return {
        ...entry,
        readRate: ratePerSecond(entry.readBytes, last.readBytes, at - before.at),
        writeRate: ratePerSecond(entry.writeBytes, last.writeBytes, at - before.at),
      };
    });
  }

  #isWhole(device: string): boolean {
    const known = this.#devices.get(device);
    if (known !== undefined) return known;
    const folder = `/sys/block/${device.replaceAll('/', '!')}`;
    const whole = existsSync(folder) && !/^(dm-|md)\d/.test(device);
    this.#devices.set(device, whole);
    return whole;
  }
}
