import type { BackupServer, SectionName, ServerBackup } from '@lapwing/contracts';
import { Kept } from '../../domain/kept.js';
import { ProxmoxError } from '../proxmox/proxmox-error.js';
import {
  each,
  orElse,
  type Installation,
  type Round,
  type SourceParts,
  type TargetSource,
} from '../proxmox/target-source.js';
import { record, text } from '../proxmox/values.js';
import {
  parseDatastores,
  parseDeduplication,
  parseJobs,
  parseNamespaces,
  parseServer,
  parseServerBackups,
} from './parse.js';

const STORES_EVERY_MS = 300_000;
/** Listing backups reads the disks they lie on: not oftener than in ten minutes. */
const BACKUPS_EVERY_MS = 600_000;
const VERSION_EVERY_MS = 300_000;
const SLOW_MS = 60_000;
const AT_ONCE = 2;
/** The name under which the server itself has its series: its own may change. */
const SELF = 'localhost';
const MAX_NAMESPACES = 200;

type Jobs = Pick<BackupServer, 'syncJobs' | 'verifyJobs' | 'pruneJobs' | 'garbageJobs'>;

/** Reads a Proxmox Backup Server: itself and how full it is at each interval, what lies there in rounds of their own. */
export class ProxmoxBackupSource implements TargetSource {
  readonly rounds: Round[];
  readonly slowSections: SectionName[] = ['serverBackups'];
  #installation: Installation = { version: '', isCluster: false, clusterName: '', members: [] };
  #server: BackupServer | undefined;
  #versionAt = Number.NEGATIVE_INFINITY;
  readonly #namespaces = new Map<string, BackupServer['datastores'][number]['namespaces']>();
  readonly #backups = new Kept<ServerBackup>();
  readonly #deduplication = new Map<string, number | null>();
  #jobs: Jobs = { syncJobs: [], verifyJobs: [], pruneJobs: [], garbageJobs: [] };

  constructor(private readonly parts: SourceParts) {
    const { monitor } = parts.target;
    this.rounds = [
      { name: 'datastores', everyMs: STORES_EVERY_MS, run: (signal) => this.#readStores(signal) },
      { name: 'jobs', everyMs: STORES_EVERY_MS, run: (signal) => this.#readJobs(signal) },
      ...(monitor.monitorBackups === false
        ? []
        : [{ name: 'backups', everyMs: BACKUPS_EVERY_MS, run: (signal: AbortSignal) => this.#readBackups(signal) }]),
    ];
  }

  get unwantedSections(): SectionName[] {
    return this.parts.target.monitor.monitorBackups === false ? ['serverBackups'] : [];
  }

  get installation(): Installation {
    return this.#installation;
  }

  async poll(signal: AbortSignal): Promise<void> {
    const { client, target, sink } = this.parts;
    const now = performance.now();
    if (now - this.#versionAt > VERSION_EVERY_MS) {
      const { version } = record(await client.get('version', { signal }));
      this.#installation = { ...this.#installation, version: text(version) };
      this.#versionAt = now;
    }
    // A token for datastores alone may not see the host: that is no fault.
    const server = parseServer(await client.get('nodes/localhost/status', { signal }).catch(allowed));
    const wanted = target.monitor.monitorDatastores !== false;
    const stores = wanted ? parseDatastores(await client.get('status/datastore-usage', { signal })) : [];
    const datastores = stores.map((store) => ({
      ...store,
      namespaces: this.#namespaces.get(store.name) ?? [],
      deduplicationFactor: this.#deduplication.get(store.name) ?? null,
    }));
    this.#server = { ...server, datastores, backupJobs: [], ...this.#jobs };
    sink.observe('backupServer', [this.#server]);
    sink.sample('node', [
      { name: SELF, cpu: server.cpu, memory: share(server.memory), memoryUsed: server.memory.used },
    ]);
    sink.sample(
      'storage',
      datastores
        .filter(({ total }) => total > 0)
        .map((store) => ({ name: store.name, disk: share(store), diskUsed: store.used, total: store.total })),
    );
  }

  seed(): void {
    // what it shows comes with the first poll
  }

  markOffline(): void {
    if (this.#server) this.parts.sink.observe('backupServer', [{ ...this.#server, cpu: 0, uptime: 0 }]);
  }

  async #readStores(signal: AbortSignal): Promise<void> {
    const names = (this.#server?.datastores ?? []).map(({ name }) => name);
    for (const known of [this.#deduplication, this.#namespaces])
      for (const name of known.keys()) if (!names.includes(name)) known.delete(name);
    for (const name of names) {
      const path = `admin/datastore/${encodeURIComponent(name)}/gc`;
      const status = await orElse(this.parts.client.get(path, { deadlineMs: SLOW_MS, signal }), undefined);
      if (status !== undefined) this.#deduplication.set(name, parseDeduplication(status));
      await this.#readNamespaces(name, signal);
    }
  }

  /** The namespaces of a datastore; those that were known when they cannot be read. */
  async #readNamespaces(name: string, signal: AbortSignal): Promise<{ path: string }[]> {
    const path = `admin/datastore/${encodeURIComponent(name)}/namespace`;
    const data = await orElse(this.parts.client.get(path, { deadlineMs: SLOW_MS, signal }), undefined);
    if (data !== undefined) this.#namespaces.set(name, parseNamespaces(data).slice(0, MAX_NAMESPACES));
    return this.#namespaces.get(name) ?? [{ path: '' }];
  }

  async #readJobs(signal: AbortSignal): Promise<void> {
    const { client, target } = this.parts;
    const { monitorSyncJobs, monitorVerifyJobs, monitorPruneJobs, monitorGarbageJobs } = target.monitor;
    const before = this.#jobs;
    const read = async (path: string, wanted: boolean | undefined, known: BackupServer['syncJobs']) => {
      if (wanted === false) return [];
      const data = await orElse(client.get(path, { signal }), undefined);
      return data === undefined ? known : parseJobs(data);
    };
    this.#jobs = {
      syncJobs: await read('admin/sync', monitorSyncJobs, before.syncJobs),
      verifyJobs: await read('admin/verify', monitorVerifyJobs, before.verifyJobs),
      pruneJobs: await read('admin/prune', monitorPruneJobs, before.pruneJobs),
      garbageJobs: await read('admin/gc', monitorGarbageJobs, before.garbageJobs),
    };
  }

  async #readBackups(signal: AbortSignal): Promise<void> {
    const places: { name: string; path: string }[] = [];
    for (const { name } of this.#server?.datastores ?? [])
      for (const { path } of await this.#readNamespaces(name, signal)) places.push({ name, path });
    const keyOf = ({ name, path }: { name: string; path: string }): string => `${name}/${path}`;
    this.#backups.retain(places.map(keyOf));
    await each(places, AT_ONCE, signal, async (place) => {
      const { name, path } = place;
      const at = `admin/datastore/${encodeURIComponent(name)}/snapshots?ns=${encodeURIComponent(path)}`;
      const data = await orElse(this.parts.client.get(at, { deadlineMs: SLOW_MS, signal }), undefined);
      if (data !== undefined) this.#backups.set(keyOf(place), parseServerBackups(data, name, path));
    });
    if (!signal.aborted) this.parts.sink.observe('serverBackups', this.#backups.all());
  }
}

function allowed(error: unknown): unknown {
  if (error instanceof ProxmoxError && error.kind === 'permission') return {};
  throw error;
}

const share = ({ used, total }: { used: number; total: number }): number => (total > 0 ? (used / total) * 100 : 0);
