import type { BackupTask, PhysicalDisk, ReplicationJob, StorageBackup, ZfsPool } from '@lapwing/contracts';
import { each, orElse, type Round, type SourceParts } from '../proxmox/target-source.js';
import { records, text } from '../proxmox/values.js';
import { parseReplication, parseStorageBackups, parseTasks } from './backups.js';
import { parseCeph, parseDisks, parsePools, parseTemperature, parseZfsPool } from './hardware.js';
import type { StorageResource } from './resources.js';

/** What the polls know that the rounds go by. */
export interface Known {
  onlineNodes: string[];
  storages: StorageResource[];
}

const HARDWARE_EVERY_MS = 300_000;
const CEPH_EVERY_MS = 60_000;
/** Listing backups reads the disks they lie on: not oftener than in ten minutes. */
const BACKUPS_EVERY_MS = 600_000;
const SMART_EVERY_MS = 1_800_000;
const TASKS = 500;
const AT_ONCE = 2;
const SLOW_MS = 30_000;

/** What changes slowly about nodes: disks, pools, Ceph, backups, replication. */
export class NodeRounds {
  /** ZFS pools by `node/pool`. */
  readonly pools = new Map<string, ZfsPool>();
  readonly #temperatures = new Map<string, { celsius: number | null; readAt: number }>();

  constructor(
    private readonly parts: SourceParts,
    private readonly known: () => Known,
  ) {}

  /** The rounds that the target wants. */
  rounds(): Round[] {
    const { monitor } = this.parts.target;
    const all: (Round & { wanted: boolean })[] = [
      {
        name: 'disks',
        everyMs: HARDWARE_EVERY_MS,
        run: (signal) => this.#disks(signal),
        wanted: monitor.monitorPhysicalDisks !== false,
      },
      {
        name: 'pools',
        everyMs: HARDWARE_EVERY_MS,
        run: (signal) => this.#zfs(signal),
        wanted: monitor.monitorStorage !== false,
      },
      {
        name: 'ceph',
        everyMs: CEPH_EVERY_MS,
        run: (signal) => this.#ceph(signal),
        wanted: monitor.monitorStorage !== false,
      },
      {
        name: 'backups',
        everyMs: BACKUPS_EVERY_MS,
        run: (signal) => this.#backups(signal),
        wanted: monitor.monitorBackups !== false,
      },
      { name: 'replication', everyMs: HARDWARE_EVERY_MS, run: (signal) => this.#replication(signal), wanted: true },
    ];
    return all.filter(({ wanted }) => wanted);
  }

  async #disks(signal: AbortSignal): Promise<void> {
    const all: PhysicalDisk[] = [];
    await each(this.known().onlineNodes, AT_ONCE, signal, async (node) => {
      const data = await orElse(
        this.parts.client.get(`nodes/${encodeURIComponent(node)}/disks/list`, { deadlineMs: SLOW_MS, signal }),
        [],
      );
      for (const disk of parseDisks(data, node, Date.now()))
        all.push({ ...disk, temperature: await this.#temperature(disk, signal) });
    });
    if (!signal.aborted) this.parts.sink.observe('disks', all);
  }

  /** SMART is asked for rarely, and never of a disk that turns: that could wake it. */
  async #temperature({ node, devPath, rpm }: PhysicalDisk, signal: AbortSignal): Promise<number | null> {
    const key = `${node}${devPath}`;
    const before = this.#temperatures.get(key);
    if (rpm !== null || (before && Date.now() - before.readAt < SMART_EVERY_MS)) return before?.celsius ?? null;
    const path = `nodes/${encodeURIComponent(node)}/disks/smart?disk=${encodeURIComponent(devPath)}`;
    const celsius = parseTemperature(await orElse(this.parts.client.get(path, { deadlineMs: SLOW_MS, signal }), {}));
    this.#temperatures.set(key, { celsius, readAt: Date.now() });
    return celsius;
  }

  async #zfs(signal: AbortSignal): Promise<void> {
    const { client } = this.parts;
    const { onlineNodes, storages } = this.known();
    const withPools = onlineNodes.filter((node) => storages.some((one) => one.node === node && one.type === 'zfspool'));
    await each(withPools, AT_ONCE, signal, async (node) => {
      const list = records(
        await orElse(client.get(`nodes/${encodeURIComponent(node)}/disks/zfs`, { deadlineMs: SLOW_MS, signal }), []),
        100,
      );
      for (const { name } of list) {
        const pool = text(name);
        const path = `nodes/${encodeURIComponent(node)}/disks/zfs/${encodeURIComponent(pool)}`;
        const data = await orElse(client.get(path, { deadlineMs: SLOW_MS, signal }), undefined);
        if (data !== undefined) this.pools.set(`${node}/${pool}`, parseZfsPool(data, pool));
      }
    });
  }

  async #ceph(signal: AbortSignal): Promise<void> {
    const { client, sink } = this.parts;
    const { storages, onlineNodes } = this.known();
    if (!storages.some(({ type }) => type === 'rbd' || type === 'cephfs')) return sink.observe('ceph', []);
    const options = { deadlineMs: 15_000, signal };
    const status = await orElse(client.get('cluster/ceph/status', options), undefined);
    if (status === undefined) return;
    const [node] = onlineNodes;
    const pools = await client
      .get('cluster/ceph/df', options)
      .catch(() => orElse(client.get(`nodes/${encodeURIComponent(node ?? '')}/ceph/pool`, options), []));
    const metadata = await orElse(client.get('cluster/ceph/metadata', options), {});
    const cluster = parseCeph(status, parsePools(pools), metadata);
    if (cluster) sink.observe('ceph', [cluster]);
  }

  async #backups(signal: AbortSignal): Promise<void> {
    const { client, sink } = this.parts;
    const { onlineNodes } = this.known();
    const tasks: BackupTask[] = [];
    await each(onlineNodes, AT_ONCE, signal, async (node) => {
      const path = `nodes/${encodeURIComponent(node)}/tasks?typefilter=vzdump&limit=${TASKS}`;
      tasks.push(...parseTasks(await orElse(client.get(path, { deadlineMs: SLOW_MS, signal }), []), node));
    });
    const backups: StorageBackup[] = [];
    await each(this.#backupStores(), AT_ONCE, signal, async ({ node, name: storage }) => {
      const path = `nodes/${encodeURIComponent(node)}/storage/${encodeURIComponent(storage)}/content?content=backup`;
      const data = await orElse(client.get(path, { deadlineMs: SLOW_MS, signal }), []);
      backups.push(...parseStorageBackups(data, { node, storage }));
    });
    if (signal.aborted) return;
    sink.observe('backupTasks', tasks);
    sink.observe('storageBackups', backups);
  }

  /** Storages for backups, each once: a shared one is asked through one node. */
  #backupStores(): StorageResource[] {
    const { storages, onlineNodes } = this.known();
    const usable = storages.filter(
      ({ content, status, node }) => content.includes('backup') && status === 'available' && onlineNodes.includes(node),
    );
    const byName = new Map(usable.map((one) => [one.shared ? one.name : `${one.node}/${one.name}`, one]));
    return [...byName.values()];
  }

  async #replication(signal: AbortSignal): Promise<void> {
    const jobs = new Map<string, ReplicationJob>();
    await each(this.known().onlineNodes, AT_ONCE, signal, async (node) => {
      const data = await orElse(this.parts.client.get(`nodes/${encodeURIComponent(node)}/replication`, { signal }), []);
      for (const job of parseReplication(data, node)) jobs.set(job.id, job);
    });
    if (!signal.aborted) this.parts.sink.observe('replication', [...jobs.values()]);
  }
}
