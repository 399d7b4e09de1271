import type { Guest } from './guest.js';
import type { Random } from './random.js';
import { GiB, nowSeconds, night, upid } from './units.js';

/** A task that a node has run or is running. Times in Unix seconds. */
export interface Task {
  upid: string;
  node: string;
  pid: number;
  pstart: number;
  starttime: number;
  endtime?: number;
  type: string;
  id: string;
  user: string;
  /** `OK`, or what went wrong; none while it runs. */
  status?: string;
}

/** A backup that vzdump has written. `ctime` in Unix seconds, `size` in bytes. */
export interface VolumeBackup {
  storage: string;
  volid: string;
  vmid: number;
  subtype: 'qemu' | 'lxc';
  ctime: number;
  size: number;
  notes: string;
  protected: boolean;
}

/** A guest's disks that are copied to another node. Times in Unix seconds. */
export interface Replication {
  guest: number;
  vmtype: 'qemu' | 'lxc';
  job: number;
  source: string;
  target: string;
  schedule: string;
  lastSync: number;
  /** Seconds. */
  duration: number;
  failures: number;
  error?: string;
}

const pad = (value: number): string => String(value).padStart(2, '0');

function stamp(seconds: number): string {
  const at = new Date(seconds * 1000);
  const date = [at.getUTCFullYear(), pad(at.getUTCMonth() + 1), pad(at.getUTCDate())].join('_');
  return `${date}-${[at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(pad).join('_')}`;
}

/** The backups of a guest on the store `nas`, one of each of the last three nights, the newest first. */
export function backupsOf(random: Random, guest: Guest): VolumeBackup[] {
  const [extension, size] = guest.kind === 'qemu' ? ['vma.zst', guest.maxdisk * 0.3] : ['tar.zst', guest.disk * 0.5];
  return [0, 1, 2].map((ago) => {
    const ctime = night(ago) + (guest.vmid % 3000);
    return {
      storage: 'nas',
      volid: `nas:backup/vzdump-${guest.kind}-${guest.vmid}-${stamp(ctime)}.${extension}`,
      vmid: guest.vmid,
      subtype: guest.kind,
      ctime,
      size: Math.round(size * random.between(0.8, 1)),
      notes: guest.name,
      protected: ago === 2 && guest.vmid % 10 === 0,
    };
  });
}

/** The tasks that wrote the backups of the last two nights of a guest; one of fifty failed. */
export function backupTasksOf(random: Random, guest: Guest): Task[] {
  return [0, 1].map((ago) => {
    const starttime = night(ago) + (guest.vmid % 3000);
    const pid = random.integer(2_000, 4_000_000);
    const failed = ago === 1 && guest.vmid % 50 === 7;
    return {
      upid: upid(guest.node, pid, starttime, 'vzdump', String(guest.vmid)),
      node: guest.node,
      pid,
      pstart: pid * 37,
      starttime,
      endtime: Math.min(nowSeconds(), starttime + random.integer(20, 1800)),
      type: 'vzdump',
      id: String(guest.vmid),
      user: 'root@pam',
      status: failed ? 'job errors' : 'OK',
    };
  });
}

/** The replication of every tenth guest to the node after its own; none where there is one node alone. */
export function replicationsOf(random: Random, guests: Guest[], nodes: string[]): Replication[] {
  if (nodes.length < 2) return [];
  return guests
    .filter((guest, index) => index % 10 === 0 && !guest.template)
    .map((guest) => ({
      guest: guest.vmid,
      vmtype: guest.kind,
      job: 0,
      source: guest.node,
      target: nodes[(nodes.indexOf(guest.node) + 1) % nodes.length] ?? guest.node,
      schedule: '*/15',
      lastSync: nowSeconds() - random.integer(10, 850),
      duration: Number(random.between(1.5, 40).toFixed(6)),
      failures: 0,
    }));
}

/** The size of a backup on a Proxmox Backup Server: what its index names, in bytes. */
export function imageSize(guest: Guest): number {
  return guest.kind === 'qemu' ? guest.maxdisk : Math.max(guest.disk, GiB);
}
