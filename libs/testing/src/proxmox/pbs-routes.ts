import { backupServerTasks, type BackupJob, type BackupSnapshot, type Datastore } from './backup-server.js';
import { uptimeOf } from './pve-resources.js';
import { Enveloped, ProxmoxError, type Ask, type Handler, type Routes } from './router.js';
import { GiB, day, nowSeconds, upid } from './units.js';

type Entry = Record<string, unknown>;

function storeOf({ estate, parameters }: Ask): Datastore {
  const store = estate.backupServer.datastores.get(parameters['s'] ?? '');
  if (!store) throw new ProxmoxError(400, `no such datastore '${parameters['s']}'`);
  if (store.maintenance === 'offline') {
    throw new ProxmoxError(400, `datastore '${store.name}' is in maintenance mode: offline`);
  }
  return store;
}

const stores = ({ estate }: Ask): Datastore[] => [...estate.backupServer.datastores.values()];

function nodeStatus({ estate, certificate }: Ask): Entry {
  const server = estate.backupServer;
  const { memory, root } = server;
  const kernel = '6.14.11-4-pve';
  return {
    cpu: server.cpu,
    wait: 0.0031,
    memory: { ...memory, free: memory.total - memory.used },
    swap: { total: 8 * GiB, used: 0, free: 8 * GiB },
    root: { ...root, avail: root.total - root.used },
    loadavg: [0.62, 0.58, 0.49],
    uptime: uptimeOf(server),
    kversion: `Linux ${kernel} #1 SMP PREEMPT_DYNAMIC PMX ${kernel}`,
    'current-kernel': { sysname: 'Linux', release: kernel, version: '#1 SMP PREEMPT_DYNAMIC', machine: 'x86_64' },
    'boot-info': { mode: 'efi', secureboot: false },
    cpuinfo: { model: 'Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz', cpus: server.cpus, sockets: 1 },
    info: { fingerprint: certificate.fingerprint.toLowerCase() },
  };
}

function collection({ name, gc }: Datastore): Entry {
  return {
    'index-file-count': gc.indexFiles,
    'index-data-bytes': gc.indexBytes,
    'disk-bytes': gc.diskBytes,
    'disk-chunks': gc.chunks,
    'removed-bytes': gc.removedBytes,
    'removed-chunks': 2048,
    'pending-bytes': gc.pendingBytes,
    'pending-chunks': 4096,
    'removed-bad': 0,
    'still-bad': 0,
    upid: upid('pbs', 900, gc.endedAt - gc.duration, 'garbage_collection', name),
  };
}

function collectionJob(store: Datastore): Entry {
  const { gc } = store;
  return {
    ...collection(store),
    store: store.name,
    schedule: 'daily',
    duration: gc.duration,
    'next-run': gc.endedAt + day,
    'last-run-state': gc.state,
    'last-run-endtime': gc.endedAt,
    'last-run-upid': upid('pbs', 900, gc.endedAt - gc.duration, 'garbage_collection', store.name),
  };
}

function datastoreUsage(ask: Ask): Entry[] {
  return stores(ask).map((store) => {
    const { name, total, used, maintenance } = store;
    if (maintenance === 'offline')
      return { store: name, error: 'datastore is in maintenance mode: offline', history: [] };
    return {
      store: name,
      total,
      used,
      avail: total - used,
      'mount-status': 'nonremovable',
      'backend-type': 'filesystem',
      history: Array.from({ length: 32 }, (_, index) => (used / total) * (0.9 + index / 310)),
      'history-start': nowSeconds() - 31 * day,
      'history-delta': day,
      'estimated-full-date': nowSeconds() + 240 * day,
      'gc-status': collection(store),
    };
  });
}

function status(ask: Ask): Entry {
  const store = storeOf(ask);
  const usage = { total: store.total, used: store.used, avail: store.total - store.used };
  if (ask.query.get('verbose') !== '1' && ask.query.get('verbose') !== 'true') return usage;
  const count = (type: BackupSnapshot['type']): Entry => {
    const snapshots = store.snapshots.filter((snapshot) => snapshot.type === type);
    return {
      groups: new Set(snapshots.map(({ namespace, id }) => `${namespace}/${id}`)).size,
      snapshots: snapshots.length,
    };
  };
  return {
    ...usage,
    'gc-status': collection(store),
    counts: { vm: count('vm'), ct: count('ct'), host: count('host') },
  };
}

function inNamespace(ask: Ask): BackupSnapshot[] {
  const store = storeOf(ask);
  const namespace = ask.query.get('ns') ?? '';
  if (!store.namespaces.includes(namespace)) throw new ProxmoxError(400, `namespace '${namespace}' does not exist`);
  return store.snapshots.filter((snapshot) => snapshot.namespace === namespace);
}

const fileNames = {
  vm: ['drive-scsi0.img.fidx', 'qemu-server.conf.blob', 'index.json.blob'],
  ct: ['root.pxar.didx', 'pct.conf.blob', 'index.json.blob'],
  host: ['root.pxar.didx', 'index.json.blob'],
};

function snapshotView(ask: Ask, snapshot: BackupSnapshot): Entry {
  const mode = snapshot.encrypted ? 'encrypt' : 'none';
  const { verification } = snapshot;
  return {
    'backup-type': snapshot.type,
    'backup-id': snapshot.id,
    'backup-time': snapshot.time,
    size: snapshot.size,
    owner: snapshot.owner,
    protected: snapshot.protected,
    comment: snapshot.comment,
    files: fileNames[snapshot.type].map((filename, index) => ({
      filename,
      size: index === 0 ? snapshot.size : 420,
      'crypt-mode': index === 0 ? mode : 'none',
    })),
    ...(snapshot.encrypted ? { fingerprint: '1a:2b:3c:4d:5e:6f:70:81' } : {}),
    ...(verification
      ? {
          verification: {
            state: verification,
            upid: verificationOf(ask, snapshot),
          },
        }
      : {}),
  };
}

function verificationOf(ask: Ask, { time }: BackupSnapshot): string {
  return upid('pbs', 950, time + 3 * 3600, 'verificationjob', `${ask.parameters['s']}:v-${ask.parameters['s']}`);
}

function groups(ask: Ask): Entry[] {
  const byGroup = new Map<string, BackupSnapshot[]>();
  for (const snapshot of inNamespace(ask)) {
    const key = `${snapshot.type}/${snapshot.id}`;
    byGroup.set(key, [...(byGroup.get(key) ?? []), snapshot]);
  }
  return [...byGroup.values()].flatMap((snapshots) => {
    const last = snapshots.toSorted((a, b) => b.time - a.time)[0];
    if (!last) return [];
    const group = { 'backup-type': last.type, 'backup-id': last.id, 'last-backup': last.time, owner: last.owner };
    return [{ ...group, 'backup-count': snapshots.length, files: fileNames[last.type], comment: last.comment }];
  });
}

const jobsOf = ({ estate }: Ask, kind: BackupJob['kind']): BackupJob[] =>
  estate.backupServer.jobs.filter((job) => job.kind === kind);

function config(kind: BackupJob['kind']): Handler {
  return (ask) => jobsOf(ask, kind).map(jobConfig);
}

const jobConfig = ({ id, store, schedule, comment, settings }: BackupJob): Entry => ({
  id,
  store,
  schedule,
  comment,
  ...settings,
});

function jobStates(kind: BackupJob['kind']): Handler {
  return (ask) =>
    jobsOf(ask, kind).map((job) => ({
      ...jobConfig(job),
      'last-run-state': job.lastState,
      'last-run-endtime': job.lastEnd,
      'next-run': job.nextRun,
      'last-run-upid': upid('pbs', 960, job.lastEnd - 240, `${kind}job`, `${job.store}:${job.id}`),
    }));
}

function tasks(ask: Ask): Enveloped {
  const type = ask.query.get('typefilter');
  const all = backupServerTasks(ask.estate.backupServer).filter((task) => !type || task['worker_type'] === type);
  const start = Number(ask.query.get('start') ?? 0);
  return new Enveloped(all.slice(start, start + Number(ask.query.get('limit') ?? 50)), { total: all.length });
}

/** What a Proxmox Backup Server answers. Source: its API viewer and the crate proxmox-backup. */
export const pbsRoutes: Routes = {
  '/version': ({ estate: { backupServer } }) => ({
    version: backupServer.version,
    release: backupServer.release,
    repoid: 'cd9b4be4a8ae1bf2',
  }),
  '/nodes/localhost/status': nodeStatus,
  '/nodes/localhost/tasks': tasks,
  '/status/datastore-usage': datastoreUsage,
  '/admin/datastore': (ask) =>
    stores(ask).map(({ name, comment, maintenance }) => ({
      store: name,
      comment,
      'mount-status': 'nonremovable',
      ...(maintenance ? { maintenance } : {}),
    })),
  '/admin/datastore/{s}/status': status,
  '/admin/datastore/{s}/gc': (ask) => collectionJob(storeOf(ask)),
  '/admin/datastore/{s}/namespace': (ask) => storeOf(ask).namespaces.map((ns) => ({ ns })),
  '/admin/datastore/{s}/groups': groups,
  '/admin/datastore/{s}/snapshots': (ask) => inNamespace(ask).map((snapshot) => snapshotView(ask, snapshot)),
  '/config/sync': config('sync'),
  '/config/verify': config('verify'),
  '/config/prune': config('prune'),
  '/admin/sync': jobStates('sync'),
  '/admin/verify': jobStates('verify'),
  '/admin/prune': jobStates('prune'),
  '/admin/gc': (ask) => stores(ask).map(collectionJob),
};
