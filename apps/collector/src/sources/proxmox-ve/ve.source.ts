import type { PolledFigures, ProxmoxGuest, ProxmoxNode, ProxmoxStorage, SectionName } from '@lapwing/contracts';
import { isIP } from 'node:net';
import { Rates } from '../../domain/rates.js';
import type { Entrance } from '../proxmox/client.js';
import { ProxmoxError } from '../proxmox/proxmox-error.js';
import {
  each,
  orElse,
  type Installation,
  type Round,
  type SourceParts,
  type TargetSource,
} from '../proxmox/target-source.js';
import { record, records, text, truth, type Json } from '../proxmox/values.js';
import { GuestDetails } from './guest-rounds.js';
import { NodeRounds } from './node-rounds.js';
import {
  guestFrom,
  nodeFrom,
  nodeFromOutside,
  parseResources,
  storagesOf,
  type GuestResource,
  type NodeResource,
  type Resources,
} from './resources.js';

const CLUSTER_EVERY_MS = 300_000;
const STORAGE_SAMPLES_EVERY_MS = 60_000;
const NODES_AT_ONCE = 6;
/** A node that takes longer is shown as it was before. */
const NODE_MS = 3000;
const MAX_MEMBERS = 64;

/** Reads Proxmox VE: one call for everything, one more for each node; what takes longer in rounds of its own. */
export class ProxmoxVeSource implements TargetSource {
  readonly rounds: Round[];
  readonly slowSections: SectionName[] = ['ceph', 'disks', 'backupTasks', 'storageBackups', 'snapshots', 'replication'];
  readonly #details: GuestDetails;
  readonly #nodeRounds: NodeRounds;
  readonly #rates = new Rates();
  readonly #nodes = new Map<string, ProxmoxNode>();
  #sizes = new Map<string, Size>();
  #installation: Installation = { version: '', isCluster: false, clusterName: '', members: [] };
  #resources: Resources = { nodes: [], guests: [], storages: [] };
  #configured: Json[] = [];
  #clusterAt = Number.NEGATIVE_INFINITY;
  #storagesAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: SourceParts) {
    this.#details = new GuestDetails(parts);
    this.#nodeRounds = new NodeRounds(parts, () => ({
      nodes: this.#resources.nodes.map(({ name }) => name),
      onlineNodes: this.#resources.nodes.filter(({ online }) => online).map(({ name }) => name),
      storages: this.#resources.storages,
    }));
    this.rounds = [...this.#details.rounds(() => this.#resources.guests), ...this.#nodeRounds.rounds()];
  }

  get unwantedSections(): SectionName[] {
    const { monitorBackups, monitorPhysicalDisks, monitorStorage } = this.parts.target.monitor;
    return [
      ...(monitorBackups === false ? (['backupTasks', 'storageBackups', 'snapshots'] as const) : []),
      ...(monitorPhysicalDisks === false ? (['disks'] as const) : []),
      ...(monitorStorage === false ? (['ceph'] as const) : []),
    ];
  }

  get installation(): Installation {
    return this.#installation;
  }

  async poll(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    if (now - this.#clusterAt > CLUSTER_EVERY_MS) {
      await this.#readCluster(signal);
      this.#clusterAt = now;
    }
    const resources = this.#wanted(parseResources(await this.parts.client.get('cluster/resources', { signal })));
    if (resources.nodes.length === 0)
      throw new ProxmoxError('permission', 'no node can be seen: the user wants the role PVEAuditor on /');
    this.#resources = resources;
    const readAt = Date.now();
    await each(resources.nodes, NODES_AT_ONCE, signal, (node) => this.#readNode(node, signal));
    this.#settleNodes(resources.nodes, readAt);
    const guests = resources.guests.map((guest) =>
      guestFrom(guest, this.#details.of(guest), this.#ratesOf(guest, readAt)),
    );
    this.#show(guests, this.#storages(resources));
    this.#rates.tidy(readAt);
  }

  /** Goes on from what was said of the target before this poller got it. */
  seed(nodes: ProxmoxNode[]): void {
    for (const node of nodes) this.#nodes.set(node.name, node);
  }

  markOffline(): void {
    const away = [...this.#nodes.values()].map((node) => ({ ...node, status: 'offline' as const, cpu: 0, uptime: 0 }));
    if (away.length > 0) this.parts.sink.observe('nodes', away);
  }

  #wanted({ nodes, guests, storages }: Resources): Resources {
    const { monitorVMs, monitorContainers, monitorStorage } = this.parts.target.monitor;
    return {
      nodes,
      guests: guests.filter(({ type }) => (type === 'qemu' ? monitorVMs !== false : monitorContainers !== false)),
      storages: monitorStorage === false ? [] : storages,
    };
  }

  #ratesOf({ type, vmid, node, counters }: GuestResource, now: number): number[] {
    const { networkIn, networkOut, diskRead, diskWrite } = counters;
    // On another node the counters begin anew, and may by chance be greater than before.
    return this.#rates.of(`${type}/${vmid}@${node}`, [networkIn, networkOut, diskRead, diskWrite], now);
  }

  async #readNode(resource: NodeResource, signal: AbortSignal): Promise<void> {
    if (!resource.online) return;
    const path = `nodes/${encodeURIComponent(resource.name)}/status`;
    const status = await orElse(this.parts.client.get(path, { deadlineMs: NODE_MS, signal }), undefined);
    if (status !== undefined) this.#nodes.set(resource.name, nodeFrom(resource, record(status), Date.now()));
  }

  /** The nodes that there are: of one that could not be read itself, what the cluster knows is newer than what it said last. */
  #settleNodes(resources: NodeResource[], readAt: number): void {
    const present = new Map(resources.map((resource) => [resource.name, resource]));
    for (const name of this.#nodes.keys()) if (!present.has(name)) this.#nodes.delete(name);
    for (const resource of resources) {
      const last = this.#nodes.get(resource.name);
      if (!resource.online || !last || last.readAt < readAt)
        this.#nodes.set(resource.name, nodeFromOutside(resource, last, readAt));
    }
  }

  #storages({ storages, nodes }: Resources): ProxmoxStorage[] {
    const offline = new Set(nodes.filter(({ online }) => !online).map(({ name }) => name));
    const all = storagesOf(storages, this.#configured, offline);
    const sizes = new Map(all.map((storage) => [seriesName(storage), this.#sizeOf(storage)]));
    this.#sizes = sizes;
    return all.map((storage) => ({
      ...storage,
      ...sizes.get(seriesName(storage)),
      zfsPool: storage.type === 'zfspool' ? (this.#poolOf(storage) ?? null) : null,
    }));
  }

  /** How full a storage is; one that nobody can see at the moment is as full as it was. */
  #sizeOf(storage: ProxmoxStorage): Size {
    const { total, used, free } = storage;
    const before = this.#sizes.get(seriesName(storage));
    return total === 0 && before && !storage.active ? before : { total, used, free };
  }

  /** The pool of a storage is the first part of what its configuration calls `pool`: `rpool/data` lies in `rpool`. */
  #poolOf({ name, nodes }: ProxmoxStorage) {
    const entry = this.#configured.find((one) => one['storage'] === name);
    const pool = text(entry?.['pool']).split('/')[0] ?? '';
    return this.#nodeRounds.pool(nodes[0] ?? '', pool);
  }

  #show(guests: ProxmoxGuest[], storages: ProxmoxStorage[]): void {
    const { sink } = this.parts;
    const nodes = [...this.#nodes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    sink.observe('nodes', nodes);
    sink.observe('guests', guests);
    sink.observe('storages', storages);
    sink.sample('node', nodes.filter(({ status }) => status === 'online').map(nodeFigures));
    sink.sample('guest', guests.filter(({ status }) => status === 'running').map(guestFigures));
    const now = performance.now();
    if (now - this.#storagesAt < STORAGE_SAMPLES_EVERY_MS) return;
    this.#storagesAt = now;
    sink.sample('storage', storages.filter(({ active }) => active).map(storageFigures));
  }

  /** Who belongs to the cluster, where else it can be asked, and what its storages are configured to be. */
  async #readCluster(signal: AbortSignal): Promise<void> {
    const { client } = this.parts;
    const { version } = record(await client.get('version', { signal }));
    const configured = await orElse(client.get('storage', { signal }), undefined);
    if (configured !== undefined) this.#configured = records(configured, 1000);
    this.#installation = { ...this.#installation, version: text(version) };
    const data = await orElse(client.get('cluster/status', { signal }), undefined);
    // Without the right to see it, a cluster is polled like a single node.
    if (data === undefined) return;
    const status = records(data, 256);
    const cluster = status.find(({ type }) => type === 'cluster');
    const members = status
      .filter(({ type }) => type === 'node')
      .map((entry) => ({ node: text(entry['name']), host: this.#hostOf(entry), online: truth(entry['online']) }));
    const clusterName = text(cluster?.['name']);
    this.#installation = { ...this.#installation, isCluster: cluster !== undefined, clusterName, members };
    client.setEntrances(cluster ? await this.#entrances(status, signal) : []);
  }

  /**
   * Where a member can be asked; empty where that is no address, which could lead anywhere, or this very machine's while another one's was
   * configured.
   */
  #hostOf(entry: Json): string {
    const { hostname, port } = new URL(this.parts.target.host);
    const ip = text(entry['ip'], 64);
    if (isIP(ip) === 0 || (isLoopback(ip) && !isLoopback(hostname))) return '';
    return `https://${ip.includes(':') ? `[${ip}]` : ip}:${port || '443'}`;
  }

  /**
   * The members, each with the certificate that the cluster knows it by: so trust in one carries over to all. Also the one that answers: it
   * is not always the one that was configured.
   */
  async #entrances(status: Json[], signal: AbortSignal): Promise<Entrance[]> {
    const entrances: Entrance[] = [];
    const members = status
      .filter((entry) => entry['type'] === 'node' && this.#hostOf(entry) !== '')
      .slice(0, MAX_MEMBERS);
    await each(members, NODES_AT_ONCE, signal, async (entry) => {
      const path = `nodes/${encodeURIComponent(text(entry['name']))}/certificates/info`;
      const certificates = records(await orElse(this.parts.client.get(path, { signal }), []), 20);
      const named = (file: string) => certificates.find(({ filename }) => filename === file);
      const fingerprint = text((named('pveproxy-ssl.pem') ?? named('pve-ssl.pem'))?.['fingerprint']).toUpperCase();
      entrances.push({ host: this.#hostOf(entry), ...(fingerprint !== '' && { fingerprint }) });
    });
    return entrances.toSorted((a, b) => (a.host < b.host ? -1 : 1));
  }
}

const isLoopback = (address: string): boolean => /^(127\.|::1$|localhost$)/.test(address);
const percent = (part: number, all: number): number => (all > 0 ? (part / all) * 100 : 0);

function nodeFigures({ name, cpu, memory, disk }: ProxmoxNode): PolledFigures {
  return {
    name,
    cpu,
    memory: percent(memory.used, memory.total),
    memoryUsed: memory.used,
    disk: percent(disk.used, disk.total),
    diskUsed: disk.used,
    total: disk.total,
  };
}

function guestFigures(guest: ProxmoxGuest): PolledFigures {
  const { vmid, cpu, memory, disk, diskRead, diskWrite, networkIn, networkOut } = guest;
  return {
    name: String(vmid),
    cpu,
    memory: percent(memory.used, memory.total),
    memoryUsed: memory.used,
    ...(disk && { disk: percent(disk.used, disk.total), diskUsed: disk.used }),
    diskRead,
    diskWrite,
    networkIn,
    networkOut,
  };
}

type Size = Pick<ProxmoxStorage, 'total' | 'used' | 'free'>;

/** The name under which a storage has its series. */
const seriesName = ({ name, nodes, shared }: ProxmoxStorage): string =>
  (shared ? name : `${nodes[0] ?? ''}/${name}`).slice(0, 500);

function storageFigures(storage: ProxmoxStorage): PolledFigures {
  const { used, total } = storage;
  return { name: seriesName(storage), disk: percent(used, total), diskUsed: used, total };
}
