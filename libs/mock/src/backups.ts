import type { BackupTask, GuestSnapshot, ReplicationJob, StorageBackup } from '@lapwing/contracts';
import type { GuestPlan } from './guests.js';
import { between, mix, unit } from './hash.js';
import { DAY, MINUTE, instant, sinceLast } from './motion.js';
import { nightlyRuns, perGuest, type Run } from './nightly.js';
import type { NodePlan } from './nodes.js';
import { BACKUP_STORAGE } from './storages.js';

const MAX_TASKS = 1000;
const MAX_BACKUPS = 10_000;

/** The runs of vzdump for a guest, the newest first. */
const runsOf = (guest: GuestPlan, now: number, count: number): Run[] => nightlyRuns(mix(guest.seed, 31), now, count);

/** The guest whose last backup failed. */
const failing = (guests: GuestPlan[]): GuestPlan | undefined => guests[Math.min(3, guests.length - 1)];

const sizeOf = (guest: GuestPlan, day: number): number =>
  Math.round(guest.diskTotal * guest.diskShare * between(mix(guest.seed, 32), day, 0.42, 0.45));

/** The runs of vzdump of the last three days, the newest of each guest first, 1000 at most; one failed. */
export function backupTasksAt(guests: GuestPlan[], now: number): BackupTask[] {
  const bad = failing(guests);
  return guests.slice(0, MAX_TASKS).flatMap((guest) =>
    runsOf(guest, now, perGuest(guests.length, 3, MAX_TASKS)).map((run, nth) => {
      const running = run.endsAt > now;
      const error = !running && nth === 0 && guest === bad ? 'job errors: storage is not writable' : '';
      const process = mix(guest.seed, run.day).toString(16).padStart(8, '0').toUpperCase();
      const start = Math.floor(run.startedAt / 1000)
        .toString(16)
        .toUpperCase();
      return {
        upid: `UPID:${guest.node}:${process}:0012D687:${start}:vzdump:${guest.vmid}:root@pam:`,
        node: guest.node,
        guestType: guest.type,
        vmid: guest.vmid,
        status: running ? 'running' : error || 'OK',
        startedAt: run.startedAt,
        endedAt: running ? null : run.endsAt,
        size: running || error ? 0 : sizeOf(guest, run.day),
        error,
      };
    }),
  );
}

const two = (number: number): string => (number < 10 ? `0${number}` : String(number));

/** An instant as vzdump writes it into names, `2025_01_15-02_17_03`. */
function stampOf(at: number): string {
  const date = new Date(at);
  const day = `${date.getUTCFullYear()}_${two(date.getUTCMonth() + 1)}_${two(date.getUTCDate())}`;
  return `${day}-${two(date.getUTCHours())}_${two(date.getUTCMinutes())}_${two(date.getUTCSeconds())}`;
}

/** The backups that these runs have left on {@link BACKUP_STORAGE}. */
export function storageBackupsAt(guests: GuestPlan[], now: number): StorageBackup[] {
  const bad = failing(guests);
  return guests.flatMap((guest) =>
    runsOf(guest, now, perGuest(guests.length, 3, MAX_BACKUPS))
      .filter(({ endsAt }, nth) => endsAt <= now && !(nth === 0 && guest === bad))
      .map(({ startedAt, day }, nth) => {
        const format = guest.type === 'qemu' ? 'vma.zst' : 'tar.zst';
        return {
          volid: `${BACKUP_STORAGE}:backup/vzdump-${guest.type}-${guest.vmid}-${stampOf(startedAt)}.${format}`,
          storage: BACKUP_STORAGE,
          node: guest.node,
          guestType: guest.type,
          vmid: guest.vmid,
          createdAt: startedAt,
          size: sizeOf(guest, day),
          format,
          notes: guest.name,
          protected: nth === 2 && unit(guest.seed, 33) < 0.1,
          isPbs: false,
          verified: false,
          verification: '',
        };
      }),
  );
}

/** Snapshots of about every fifth guest, made anew every three months; that of the first virtual machine holds the memory, too. */
export function snapshotsAt(guests: GuestPlan[], now: number): GuestSnapshot[] {
  const first = guests.find(({ type }) => type === 'qemu');
  return guests.flatMap((guest) => {
    const seed = mix(guest.seed, 34);
    if (guest !== first && unit(seed, 1) >= 0.2) return [];
    const { node, type: guestType, vmid } = guest;
    const madeAt = instant(now - sinceLast(seed, now, 90 * DAY));
    const of = { node, guestType, vmid, createdAt: madeAt, withMemory: false };
    const before = { ...of, name: 'before-upgrade', description: 'before the upgrade', parent: '' };
    if (guest !== first) return [before];
    const laterAt = Math.floor(madeAt + (now - madeAt) / 2);
    const after = { ...of, name: 'tested', description: 'upgraded and tested', parent: 'before-upgrade' };
    return [before, { ...after, createdAt: laterAt, withMemory: true }];
  });
}

const EVERY = 15 * MINUTE;
const STUCK_MS = 3 * 60 * MINUTE;

/** Jobs that copy the first guest of each node to the next node every 15 minutes, in so far as there are several; one fails for three hours. */
export function replicationAt(nodes: NodePlan[], guests: GuestPlan[], now: number): ReplicationJob[] {
  if (nodes.length < 2) return [];
  const firsts = new Map<string, GuestPlan>();
  for (const guest of guests) if (!firsts.has(guest.node)) firsts.set(guest.node, guest);
  return nodes.flatMap(({ name: source, index }) => {
    const guest = firsts.get(source);
    const target = nodes[(index + 1) % nodes.length]?.name ?? '';
    if (!guest) return [];
    const failed = index === nodes.length - 1;
    const due = Math.floor(now / EVERY) * EVERY;
    return [
      {
        id: `${guest.vmid}-0`,
        vmid: guest.vmid,
        source,
        target,
        enabled: true,
        schedule: '*/15',
        lastSyncAt: instant(failed ? due - STUCK_MS : due),
        nextSyncAt: due + EVERY,
        duration: Math.round(between(mix(guest.seed, 35), 1, 2, 20) * 10) / 10,
        failures: failed ? STUCK_MS / EVERY : 0,
        error: failed ? "command 'zfs recv -F -- rpool/data' failed: exit code 1" : '',
      },
    ];
  });
}
