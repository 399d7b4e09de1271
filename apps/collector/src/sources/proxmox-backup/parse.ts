import type { BackupServer, ServerBackup } from '@lapwing/contracts';
import { amount, instant, lines, record, records, text, truth, usage, type Json } from '../proxmox/values.js';

type Datastore = BackupServer['datastores'][number];
type Job = BackupServer['syncJobs'][number];

/** What a server tells of itself in `nodes/localhost/status`. */
export function parseServer(data: unknown): Pick<BackupServer, 'cpu' | 'memory' | 'uptime'> {
  const status = record(data);
  const memory = record(status['memory']);
  return {
    cpu: Math.min(amount(status['cpu']) * 100, 100),
    memory: usage(amount(memory['total']), amount(memory['used'])),
    uptime: amount(status['uptime']),
  };
}

/** Datastores, as `status/datastore-usage` tells them; one that cannot be read says why. */
export function parseDatastores(data: unknown): Datastore[] {
  return records(data, 200).map((entry) => {
    const error = text(entry['error'], 1000);
    return {
      name: text(entry['store']),
      ...usage(amount(entry['total']), amount(entry['used'])),
      status: error === '' ? 'available' : 'error',
      error,
      namespaces: [],
      deduplicationFactor: null,
    };
  });
}

/** How many times the data would lie there without deduplication, out of `gc`; null when nothing was collected yet. */
export function parseDeduplication(data: unknown): number | null {
  const status = record(data);
  const disk = amount(status['disk-bytes']);
  return disk >= 1 ? amount(status['index-data-bytes']) / disk : null;
}

/** The namespaces of a datastore; the root, which every datastore has, comes first. */
export function parseNamespaces(data: unknown): Datastore['namespaces'] {
  const paths = new Set(['', ...records(data, 1000).map(({ ns }) => text(ns, 1024))]);
  return [...paths]
    .toSorted()
    .slice(0, 1000)
    .map((path) => {
      const parts = path === '' ? [] : path.split('/');
      return { path, parent: parts.slice(0, -1).join('/'), depth: parts.length };
    });
}

/** Jobs and how their last run went, out of `admin/sync`, `admin/verify`, `admin/prune` or `admin/gc`. */
export function parseJobs(data: unknown): Job[] {
  return records(data, 1000).map((job) => ({
    id: text(job['id']) || text(job['store']),
    store: text(job['store']),
    schedule: text(job['schedule']),
    state: text(job['last-run-state']),
    lastRunAt: instant(job['last-run-endtime']),
    nextRunAt: instant(job['next-run']),
  }));
}

/** Backups of one namespace, as `snapshots` tells them. */
export function parseServerBackups(data: unknown, datastore: string, namespace: string): ServerBackup[] {
  return records(data).map((entry) => {
    const type = text(entry['backup-type']);
    return {
      datastore,
      namespace,
      type: type === 'vm' || type === 'ct' ? type : 'host',
      backupId: text(entry['backup-id']),
      createdAt: instant(entry['backup-time']) ?? 0,
      size: amount(entry['size']),
      protected: truth(entry['protected']),
      verified: record(entry['verification'])['state'] === 'ok',
      comment: lines(entry['comment'], 4000),
      files: filesOf(entry),
      owner: text(entry['owner']),
    };
  });
}

function filesOf(entry: Json): string[] {
  const files = Array.isArray(entry['files']) ? entry['files'] : [];
  return files
    .slice(0, 200)
    .map((file) => text(typeof file === 'string' ? file : record(file)['filename']))
    .filter((name) => name !== '');
}
