/** What kind of guest: a virtual machine or a container. */
export type GuestKind = 'qemu' | 'lxc';
/** How the guest agent of a virtual machine answers. `slow`: after 20 s. */
export type AgentState = 'ok' | 'slow' | 'absent' | 'not-running' | 'denied';

/** What a guest has moved since it was started, in bytes. */
export interface Counters {
  netin: number;
  netout: number;
  diskread: number;
  diskwrite: number;
}

/** A file system inside a virtual machine. Bytes. */
export interface FileSystem {
  device: string;
  mountpoint: string;
  type: string;
  total: number;
  used: number;
}

/** A snapshot of a guest. `time` in Unix seconds. */
export interface Snapshot {
  name: string;
  description: string;
  time: number;
  parent?: string;
  vmstate: boolean;
}

/** What a guest is made of. */
export interface GuestFacts {
  vmid: number;
  kind: GuestKind;
  name: string;
  node: string;
  running: boolean;
  template: boolean;
  /** Fraction of all its processors, 0 to 1. */
  cpu: number;
  cpus: number;
  /** Used memory in bytes as Proxmox sees it, caches of a virtual machine included. */
  mem: number;
  maxmem: number;
  /** Page cache within `mem`, bytes. */
  cached: number;
  /** Used bytes of the root file system of a container. */
  disk: number;
  maxdisk: number;
  tags: string[];
  agent: AgentState;
  /** What it moves, in bytes per second. */
  rates: Counters;
  mac: string;
  address: string;
  fileSystems: FileSystem[];
  snapshots: Snapshot[];
  /** How long it has been running, in seconds. */
  uptime: number;
  /** The volume of its disk, e.g. `ceph-rbd:vm-100-disk-0`. */
  volume: string;
  lock?: string;
  hastate?: string;
  paused?: boolean;
}

const nothing = (): Counters => ({ netin: 0, netout: 0, diskread: 0, diskwrite: 0 });

/** A guest. Every field may be changed at any time; counters grow with real time by `rates` while it runs. */
export class Guest {
  readonly vmid: number;
  readonly kind: GuestKind;
  name: string;
  node: string;
  template: boolean;
  cpu: number;
  cpus: number;
  mem: number;
  maxmem: number;
  cached: number;
  disk: number;
  maxdisk: number;
  tags: string[];
  agent: AgentState;
  rates: Counters;
  mac: string;
  address: string;
  fileSystems: FileSystem[];
  snapshots: Snapshot[];
  volume: string;
  lock: string | undefined;
  hastate: string | undefined;
  paused: boolean;
  #running: boolean;
  #startedAt: number;
  #countedAt: number;
  #moved: Counters;

  constructor(facts: GuestFacts) {
    const { running, uptime, ...fields } = facts;
    this.vmid = facts.vmid;
    this.kind = facts.kind;
    Object.assign(this, fields);
    this.paused = facts.paused ?? false;
    this.#running = running;
    this.#countedAt = Date.now();
    this.#startedAt = this.#countedAt - uptime * 1000;
    this.#moved = nothing();
    if (running) this.#add(uptime);
  }

  /** Whether it runs; a paused one does. */
  get running(): boolean {
    return this.#running;
  }

  /** As Proxmox says it. */
  get status(): 'running' | 'stopped' {
    return this.#running ? 'running' : 'stopped';
  }

  /** Seconds since it was started; 0 while it is stopped. */
  get uptime(): number {
    return this.#running ? Math.floor((Date.now() - this.#startedAt) / 1000) : 0;
  }

  /** What it has moved until now; all 0 while it is stopped. */
  get counters(): Counters {
    if (!this.#running) return nothing();
    const now = Date.now();
    this.#add((now - this.#countedAt) / 1000);
    this.#countedAt = now;
    const { netin, netout, diskread, diskwrite } = this.#moved;
    return {
      netin: Math.floor(netin),
      netout: Math.floor(netout),
      diskread: Math.floor(diskread),
      diskwrite: Math.floor(diskwrite),
    };
  }

  /** Starts it, with counters and uptime at 0. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#startedAt = Date.now();
    this.resetCounters();
  }

  /** Stops it. */
  stop(): void {
    this.#running = false;
  }

  /** Its counters begin at 0 again, as after a migration. */
  resetCounters(): void {
    this.#moved = nothing();
    this.#countedAt = Date.now();
  }

  #add(seconds: number): void {
    this.#moved.netin += this.rates.netin * seconds;
    this.#moved.netout += this.rates.netout * seconds;
    this.#moved.diskread += this.rates.diskread * seconds;
    this.#moved.diskwrite += this.rates.diskwrite * seconds;
  }
}
