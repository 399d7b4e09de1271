import type { Guest } from './guest.js';
import type { Random } from './random.js';
import { imageSize } from './records.js';
import { GiB, TiB, day, night, nowSeconds, upid } from './units.js';

/** A snapshot on a Proxmox Backup Server. `time` in Unix seconds, `size` in bytes. */
export interface BackupSnapshot {
  namespace: string;
  type: 'vm' | 'ct' | 'host';
  /** The VMID as text, or a host's name. */
  id: string;
  time: number;
  size: number;
  owner: string;
  comment: string;
  protected: boolean;
  verification?: 'ok' | 'failed';
  encrypted: boolean;
}

/** What the garbage collection of a datastore has found. Bytes. */
export interface GarbageCollection {
  indexFiles: number;
  indexBytes: number;
  diskBytes: number;
  chunks: number;
  removedBytes: number;
  pendingBytes: number;
  state: string;
  endedAt: number;
  /** Seconds. */
  duration: number;
}

/** A datastore. Bytes. */
export interface Datastore {
  readonly name: string;
  comment: string;
  maintenance?: string;
  total: number;
  used: number;
  namespaces: string[];
  snapshots: BackupSnapshot[];
  gc: GarbageCollection;
}

/** A job of a Proxmox Backup Server. Times in Unix seconds. */
export interface BackupJob {
  kind: 'sync' | 'verify' | 'prune';
  id: string;
  store: string;
  schedule: string;
  comment: string;
  /** What only jobs of this kind have. */
  settings: Record<string, unknown>;
  lastState: string;
  lastEnd: number;
  nextRun: number;
}

/** What a Proxmox Backup Server holds. Every field may be changed. */
export interface BackupServer {
  version: string;
  release: string;
  /** Fraction, 0 to 1. */
  cpu: number;
  cpus: number;
  memory: { total: number; used: number };
  root: { total: number; used: number };
  /** Unix milliseconds. */
  bootedAt: number;
  datastores: Map<string, Datastore>;
  jobs: BackupJob[];
}

/** Builds one that has backed up these guests for the last five nights. */
export function buildBackupServer(random: Random, guests: Guest[]): BackupServer {
  const main = datastore(random, 'main', 'all guests', 20 * TiB, ['', 'prod']);
  const offsite = datastore(random, 'offsite', 'copy of the weekend', 8 * TiB, ['']);
  for (const guest of guests.filter(({ template }) => !template)) {
    const namespace = guest.tags[0] === 'prod' ? 'prod' : '';
    main.snapshots.push(...[0, 1, 2, 3, 4].map((ago) => snapshot(random, guest, namespace, ago)));
    if (guest.vmid % 4 === 0) offsite.snapshots.push(snapshot(random, guest, '', 1));
  }
  main.snapshots.push(hostSnapshot());
  for (const store of [main, offsite]) settle(store);
  return {
    version: '4.0',
    release: '16',
    cpu: 0.0421,
    cpus: 16,
    memory: { total: 64 * GiB, used: 21 * GiB },
    root: { total: 60 * GiB, used: 9 * GiB },
    bootedAt: Date.now() - 40 * day * 1000,
    datastores: new Map([main, offsite].map((store) => [store.name, store])),
    jobs: [
      job('verify', 'v-main', 'main', '05:00', { 'ignore-verified': true, 'outdated-after': 30 }),
      job('prune', 'p-main', 'main', '04:00', { 'keep-daily': 7, 'keep-weekly': 4, 'keep-monthly': 6 }),
      job('sync', 's-offsite', 'offsite', 'sat 06:00', {
        remote: 'office',
        'remote-store': 'main',
        owner: 'sync@pbs',
        'remove-vanished': false,
      }),
    ],
  };
}

function datastore(random: Random, name: string, comment: string, total: number, namespaces: string[]): Datastore {
  const gc = { state: 'OK', endedAt: night(0) + 3600, duration: random.integer(200, 3000) };
  return {
    name,
    comment,
    total,
    namespaces,
    used: Math.round(total * random.between(0.3, 0.7)),
    snapshots: [],
    gc: {
      ...gc,
      indexFiles: 0,
      indexBytes: 0,
      diskBytes: 0,
      chunks: 0,
      removedBytes: 3 * GiB,
      pendingBytes: 7 * GiB,
    },
  };
}

function snapshot(random: Random, guest: Guest, namespace: string, ago: number): BackupSnapshot {
  return {
    namespace,
    type: guest.kind === 'qemu' ? 'vm' : 'ct',
    id: String(guest.vmid),
    time: night(ago) + 3600 + (guest.vmid % 3000),
    size: imageSize(guest),
    owner: 'backup@pbs!pve',
    comment: guest.name,
    protected: ago === 4 && guest.vmid % 10 === 0,
    encrypted: guest.vmid % 2 === 0,
    ...(ago > 0 ? { verification: random.next() < 0.995 ? 'ok' : 'failed' } : {}),
  };
}

function hostSnapshot(): BackupSnapshot {
  const facts = { owner: 'root@pam', comment: '', protected: false, encrypted: false };
  return { ...facts, namespace: '', type: 'host', id: 'nas1', time: night(0) + 1800, size: 42 * GiB };
}

function settle(store: Datastore): void {
  const indexBytes = store.snapshots.reduce((sum, { size }) => sum + size, 0);
  const diskBytes = Math.round(indexBytes / 14.5);
  Object.assign(store.gc, { indexBytes, diskBytes });
  store.gc.indexFiles = store.snapshots.length * 2;
  store.gc.chunks = Math.round(diskBytes / 1_500_000);
}

function job(
  kind: BackupJob['kind'],
  id: string,
  store: string,
  schedule: string,
  settings: Record<string, unknown>,
): BackupJob {
  const lastEnd = night(0) + 2 * 3600;
  const comment = `${kind} of ${store}`;
  return { kind, id, store, schedule, comment, settings, lastState: 'OK', lastEnd, nextRun: lastEnd + day };
}

/** The tasks of the last night of a server, the newest first. */
export function backupServerTasks(server: BackupServer): Record<string, unknown>[] {
  const collections = [...server.datastores.values()].map(({ name, gc }) => ({
    type: 'garbage_collection',
    id: name,
    start: gc.endedAt - gc.duration,
    end: gc.endedAt,
    state: gc.state,
  }));
  const worker = { sync: 'syncjob', verify: 'verificationjob', prune: 'prunejob' };
  const jobs = server.jobs.map(({ kind, store, id, lastEnd, lastState }) => ({
    type: worker[kind],
    id: `${store}:${id}`,
    start: lastEnd - 240,
    end: lastEnd,
    state: lastState,
  }));
  return [...collections, ...jobs]
    .filter(({ end }) => end <= nowSeconds())
    .toSorted((a, b) => b.start - a.start)
    .map(({ type, id, start, end, state }, index) => ({
      upid: upid('pbs', 900 + index, start, type, id),
      node: 'pbs',
      pid: 900 + index,
      pstart: (900 + index) * 37,
      starttime: start,
      endtime: end,
      worker_type: type,
      worker_id: id,
      user: 'root@pam',
      status: state,
    }));
}
