import type { BackupTask, GuestSnapshot, ReplicationJob, StorageBackup } from '@lapwing/contracts';
import { amount, instant, lines, record, records, text, truth, whole } from '../proxmox/values.js';

/** Runs of vzdump, as `tasks` tells them. The size is not known there: 0. */
export function parseTasks(data: unknown, node: string): BackupTask[] {
  return records(data, 2000)
    .filter(({ type }) => type === 'vzdump')
    .map((task) => {
      const status = text(task['status'], 1000) || (task['endtime'] === undefined ? 'running' : '');
      const failed = status !== '' && status !== 'OK' && status !== 'running';
      return {
        upid: text(task['upid']),
        node: text(task['node']) || node,
        guestType: 'vzdump',
        vmid: whole(task['id']),
        status,
        startedAt: instant(task['starttime']) ?? 0,
        endedAt: instant(task['endtime']),
        size: 0,
        error: failed ? status : '',
      };
    });
}

/** Backups on a storage, as `content` tells them. */
export function parseStorageBackups(data: unknown, at: { node: string; storage: string }): StorageBackup[] {
  return records(data)
    .filter(({ content }) => content === 'backup' || content === undefined)
    .map((entry) => {
      const volid = text(entry['volid'], 512);
      const format = text(entry['format'], 64);
      const state = text(record(entry['verification'])['state']);
      return {
        volid,
        ...at,
        guestType: guestTypeOf(volid, text(entry['subtype'])),
        vmid: whole(entry['vmid'], Number(/[-/](\d{1,9})[-/]/.exec(volid)?.[1] ?? 0)),
        createdAt: instant(entry['ctime']) ?? 0,
        size: amount(entry['size']),
        format,
        notes: lines(entry['notes'], 4000),
        protected: truth(entry['protected']),
        isPbs: format.startsWith('pbs'),
        verified: state === 'ok',
        verification: state,
      };
    });
}

function guestTypeOf(volid: string, subtype: string): StorageBackup['guestType'] {
  if (subtype === 'qemu' || subtype === 'lxc') return subtype;
  if (/vzdump-qemu-|backup\/vm\//.test(volid)) return 'qemu';
  if (/vzdump-(lxc|openvz)-|backup\/ct\//.test(volid)) return 'lxc';
  return /backup\/host\//.test(volid) ? 'host' : 'unknown';
}

/** Snapshots of a guest; `current`, which stands for the guest as it is, is none. */
export function parseSnapshots(
  data: unknown,
  guest: { node: string; vmid: number; guestType: 'qemu' | 'lxc' },
): GuestSnapshot[] {
  return records(data, 500)
    .filter(({ name }) => name !== 'current')
    .map((entry) => ({
      ...guest,
      name: text(entry['name']),
      createdAt: instant(entry['snaptime']) ?? 0,
      description: lines(entry['description'], 8000),
      parent: text(entry['parent']),
      withMemory: truth(entry['vmstate']),
    }));
}

/** The state of the jobs that keep copies of guests, as a node's `replication` tells it. */
export function parseReplication(data: unknown, node: string): ReplicationJob[] {
  return records(data, 2000).map((job) => ({
    id: text(job['id']),
    vmid: whole(job['guest'], whole(/^(\d+)-/.exec(text(job['id']))?.[1])),
    source: text(job['source']) || node,
    target: text(job['target']),
    enabled: !truth(job['disable']),
    schedule: text(job['schedule']),
    lastSyncAt: instant(job['last_sync']),
    nextSyncAt: instant(job['next_sync']),
    duration: amount(job['duration']),
    failures: whole(job['fail_count']),
    error: text(job['error'], 2000),
  }));
}
