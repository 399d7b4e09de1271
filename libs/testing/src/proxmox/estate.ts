import type { Certificate } from './certificate.js';
import { randomBytes } from 'node:crypto';
import { buildBackupServer, type BackupServer } from './backup-server.js';
import { buildGuest, buildGuests } from './build-guests.js';
import { buildCeph, type Ceph } from './ceph.js';
import type { AgentState, Guest, GuestFacts } from './guest.js';
import { buildMailGateway, type MailGateway } from './mail-gateway.js';
import { buildNode, type PveNode } from './node.js';
import { Random } from './random.js';
import { backupTasksOf, backupsOf, replicationsOf, type Replication, type Task, type VolumeBackup } from './records.js';
import { buildStorages, type Storage } from './storage.js';

/** What an estate is built of. */
export interface EstateOptions {
  /** The same seed gives the same estate; default 1. */
  seed?: number | undefined;
  /** 1 to 50; default 1. */
  nodes?: number | undefined;
  /** Over all nodes, 0 to 2,000; default 4. */
  guests?: number | undefined;
  /** The name of the cluster; without one, a single node stands alone. */
  clusterName?: string | undefined;
}

/**
 * What a fake Proxmox holds: nodes, guests, storages, backups, Ceph, a backup server and a mail gateway. All of it may be
 * changed at any time, and every answer says what holds then. Only counters, uptimes and mail counts change by themselves.
 */
export class Estate {
  readonly clusterName: string | undefined;
  readonly nodes: Map<string, PveNode>;
  readonly guests: Map<number, Guest>;
  readonly storages: Map<string, Storage>;
  readonly backupServer: BackupServer;
  readonly mailGateway: MailGateway;
  backups: VolumeBackup[];
  tasks: Task[];
  replications: Replication[];
  /** None where Ceph is not installed. */
  ceph: Ceph | null;
  /** What its tickets are signed with: a ticket of one endpoint is good at all. */
  readonly ticketKey = randomBytes(32);
  readonly #random: Random;

  constructor(options: EstateOptions = {}) {
    const count = within('nodes', options.nodes ?? 1, 1, 50);
    const guestCount = within('guests', options.guests ?? 4, 0, 2000);
    const stream = (part: number): Random => new Random((options.seed ?? 1) * 101 + part);
    const nodes = Array.from({ length: count }, (_, index) => buildNode(stream(1000 + index), index + 1));
    const names = nodes.map(({ name }) => name);
    const guests = buildGuests(stream(1), guestCount, (index) => names[index % count] ?? 'pve1');
    const records = stream(2);
    this.clusterName = options.clusterName ?? (count > 1 ? 'lapwing' : undefined);
    this.nodes = new Map(nodes.map((node) => [node.name, node]));
    this.guests = new Map(guests.map((guest) => [guest.vmid, guest]));
    this.storages = new Map(buildStorages(stream(3), nodes).map((storage) => [storage.name, storage]));
    this.backups = guests.filter(({ template }) => !template).flatMap((guest) => backupsOf(records, guest));
    this.tasks = guests.filter(({ template }) => !template).flatMap((guest) => backupTasksOf(records, guest));
    this.replications = replicationsOf(records, guests, names);
    this.ceph = buildCeph(stream(4), names);
    this.backupServer = buildBackupServer(stream(5), guests);
    this.mailGateway = buildMailGateway(stream(6));
    this.#random = stream(7);
  }

  /** What each node shows, as the servers of this estate say. */
  readonly certificates = new Map<string, Certificate>();

  /** The guest with this VMID. Throws where there is none. */
  guest(vmid: number): Guest {
    const guest = this.guests.get(vmid);
    if (!guest) throw new Error(`there is no guest ${vmid}`);
    return guest;
  }

  /** The node with this name. Throws where there is none. */
  node(name: string): PveNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** Starts a guest, with counters and uptime at 0. */
  startGuest(vmid: number): void {
    this.guest(vmid).start();
  }

  /** Stops a guest. */
  stopGuest(vmid: number): void {
    this.guest(vmid).stop();
  }

  /** The counters of a guest begin at 0 again, as after a migration. */
  resetCounters(vmid: number): void {
    this.guest(vmid).resetCounters();
  }

  /** Moves a guest to another node, as a migration does: its counters begin at 0. */
  migrateGuest(vmid: number, node: string): void {
    this.guest(vmid).node = this.node(node).name;
    this.resetCounters(vmid);
  }

  /** Says how the guest agent of a virtual machine answers from now on. */
  agent(vmid: number, state: AgentState): void {
    this.guest(vmid).agent = state;
  }

  /** Cuts a node off the cluster, or brings it back; nothing on it was restarted. */
  setNodeOnline(name: string, online: boolean): void {
    this.node(name).online = online;
  }

  /** Adds a guest, with a VMID and a node of its own choice where none is given. Returns it. */
  addGuest(facts: Partial<GuestFacts> = {}): Guest {
    const vmid = facts.vmid ?? Math.max(99, ...this.guests.keys()) + 1;
    if (this.guests.has(vmid)) throw new Error(`there is a guest ${vmid} already`);
    const node = facts.node ?? [...this.nodes.keys()][0] ?? 'pve1';
    const guest = buildGuest(this.#random, vmid, facts.kind === 'lxc' ? 1 : 0, this.node(node).name);
    const { running, uptime: _uptime, vmid: _vmid, kind: _kind, ...changes } = facts;
    Object.assign(guest, changes);
    if (running === false) guest.stop();
    this.guests.set(vmid, guest);
    return guest;
  }

  /** Removes a guest; its backups stay. */
  removeGuest(vmid: number): void {
    this.guest(vmid);
    this.guests.delete(vmid);
    this.replications = this.replications.filter(({ guest }) => guest !== vmid);
  }
}

function within(name: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new RangeError(`${name} is ${value}; allowed are ${low} to ${high}`);
}
