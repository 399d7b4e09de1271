import type { BackupTask, CephCluster, PhysicalDisk, ReplicationJob, StorageBackup, ZfsPool } from '@lapwing/contracts';
import { Kept } from '../../domain/kept.js';
import { each, orElse, type Round, type SourceParts } from '../proxmox/target-source.js';
import { records, text } from '../proxmox/values.js';
import { parseReplication, parseStorageBackups, parseTasks } from './backups.js';
import { parseCeph, parseDisks, parsePools, parseTemperature, parseZfsPool } from './hardware.js';
import type { StorageResource } from './resources.js';

/** What the polls know that the rounds go by. */
export interface Known {
  nodes: string[];
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
const MAX_POOLS = 50;
const SLOW_MS = 30_000;

/** What changes slowly about nodes: disks, pools, Ceph, backups, replication. */
export class NodeRounds {
  readonly #ofPools = new Kept<{ name: string; pool: ZfsPool }>();
  #cephPools: CephCluster['pools'] = [];
  readonly #ofDisks = new Kept<PhysicalDisk>();
  readonly #ofTasks = new Kept<BackupTask>();
  readonly #ofBackups = new Kept<StorageBackup>();
  readonly #ofReplication = new Kept<ReplicationJob>();
  readonly #temperatures = new Map<string, { celsius: number | null; readAt: number }>();

  constructor(
    private readonly parts: SourceParts,
    private readonly known: () => Known,
  ) {}

  /** The pool of a node. */
  pool(node: string, name: string): ZfsPool | undefined {
    return this.#ofPools.of(node).find((one) => one.name === name)?.pool;
  }

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
    const { nodes, onlineNodes } = this.known();
    this.#ofDisks.retain(nodes);
    await each(onlineNodes, AT_ONCE, signal, async (node) => {
      const data = await this.#slow(`nodes/${encodeURIComponent(node)}/disks/list`, signal);
      if (data === undefined) return;
      const disks = parseDisks(data, node, Date.now());
      const warm: PhysicalDisk[] = [];
      for (const disk of disks) warm.push({ ...disk, temperature: await this.#temperature(disk, signal) });
      this.#ofDisks.set(node, warm);
    });
    const present = new Set(this.#ofDisks.all().map(({ node, devPath }) => `${node}${devPath}`));
    for (const key of this.#temperatures.keys()) if (!present.has(key)) this.#temperatures.delete(key);
    if (!signal.aborted) this.parts.sink.observe('disks', this.#ofDisks.all());
  }

  /** What a slow call answers; undefined when it fails. */
  #slow(path: string, signal: AbortSignal): Promise<unknown> {
    return orElse(this.parts.client.get(path, { deadlineMs: SLOW_MS, signal }), undefined);
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
    const { nodes, onlineNodes, storages } = this.known();
    this.#ofPools.retain(nodes);
    const withPools = onlineNodes.filter((node) => storages.some((one) => one.node === node && one.type === 'zfspool'));
    await each(withPools, AT_ONCE, signal, async (node) => {
      const at = `nodes/${encodeURIComponent(node)}/disks/zfs`;
      const list = await this.#slow(at, signal);
      if (list === undefined) return;
      const before = this.#ofPools.of(node);
      const pools: { name: string; pool: ZfsPool }[] = [];
      for (const entry of records(list, MAX_POOLS)) {
        const name = text(entry['name']);
        const data = await this.#slow(`${at}/${encodeURIComponent(name)}`, signal);
        const known = before.find((one) => one.name === name);
        if (data !== undefined) pools.push({ name, pool: parseZfsPool(data, name) });
        else if (known) pools.push(known);
      }
      this.#ofPools.set(node, pools);
    });
  }

  async #ceph(signal: AbortSignal): Promise<void> {
    const { client, sink } = this.parts;
    const { storages, onlineNodes } = this.known();
    if (!storages.some(({ type }) => type === 'rbd' || type === 'cephfs')) return sink.observe('ceph', []);
    const options = { deadlineMs: 15_000, signal };
    const status = await orElse(client.get('cluster/ceph/status', options), undefined);
    if (status === undefined) return;
    const [node = ''] = onlineNodes;
    const pools = await client
      .get('cluster/ceph/df', options)
      .catch(() => orElse(client.get(`nodes/${encodeURIComponent(node)}/ceph/pool`, options), undefined));
    if (pools !== undefined) this.#cephPools = parsePools(pools);
    const metadata = await orElse(client.get('cluster/ceph/metadata', options), {});
    const cluster = parseCeph(status, this.#cephPools, metadata);
    if (cluster) sink.observe('ceph', [cluster]);
  }

  async #backups(signal: AbortSignal): Promise<void> {
    const { nodes, onlineNodes, storages } = this.known();
    this.#ofTasks.retain(nodes);
    await each(onlineNodes, AT_ONCE, signal, async (node) => {
      const data = await this.#slow(`nodes/${encodeURIComponent(node)}/tasks?typefilter=vzdump&limit=${TASKS}`, signal);
      if (data !== undefined) this.#ofTasks.set(node, parseTasks(data, node));
    });
    this.#ofBackups.retain(storages.map(placeOf));
    await each(this.#backupStores(), AT_ONCE, signal, async (store) => {
      const { node, name: storage } = store;
      const at = `nodes/${encodeURIComponent(node)}/storage/${encodeURIComponent(storage)}`;
      const data = await this.#slow(`${at}/content?content=backup`, signal);
      if (data !== undefined) this.#ofBackups.set(placeOf(store), parseStorageBackups(data, { node, storage }));
    });
    if (signal.aborted) return;
    this.parts.sink.observe('backupTasks', this.#ofTasks.all());
    this.parts.sink.observe('storageBackups', this.#ofBackups.all());
  }

  /** Storages for backups, each once: a shared one is asked through one node. */
  #backupStores(): StorageResource[] {
    const { storages, onlineNodes } = this.known();
    const usable = storages.filter(
      ({ content, status, node }) => content.includes('backup') && status === 'available' && onlineNodes.includes(node),
    );
    const byPlace = new Map(usable.toReversed().map((one) => [placeOf(one), one]));
    return [...byPlace.values()];
  }

  async #replication(signal: AbortSignal): Promise<void> {
    const { nodes, onlineNodes } = this.known();
    this.#ofReplication.retain(nodes);
    await each(onlineNodes, AT_ONCE, signal, async (node) => {
      const data = await this.#slow(`nodes/${encodeURIComponent(node)}/replication`, signal);
      if (data !== undefined) this.#ofReplication.set(node, parseReplication(data, node));
    });
    // Source and target may both tell of a job.
    const jobs = new Map(this.#ofReplication.all().map((job) => [job.id, job]));
    if (!signal.aborted) this.parts.sink.observe('replication', [...jobs.values()]);
  }
}

/** Where a storage is: a shared one is the same on all nodes. */
const placeOf = ({ shared, name, node }: StorageResource): string => (shared ? name : `${node}/${name}`);
