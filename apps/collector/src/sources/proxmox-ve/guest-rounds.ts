import type { GuestSnapshot } from '@lapwing/contracts';
import { ProxmoxError } from '../proxmox/proxmox-error.js';
import { Kept } from '../../domain/kept.js';
import { each, orElse, type Round, type SourceParts } from '../proxmox/target-source.js';
import { record } from '../proxmox/values.js';
import { parseSnapshots } from './backups.js';
import { cacheOf, parseAvailable, parseFilesystems, parseInterfaces, parseOs, reasonOf } from './inside.js';
import type { GuestDetail, GuestResource } from './resources.js';

const INSIDE_EVERY_MS = 300_000;
const SNAPSHOTS_EVERY_MS = 600_000;
/** Calls at the same time: guests are looked into gently, and never all at once. */
const AT_ONCE = 4;
const AGENT_MS = 5000;

const unknown: GuestDetail = {
  cacheShare: 0,
  uptime: 0,
  balloon: undefined,
  disk: null,
  diskReason: 'no-data',
  filesystems: [],
  os: null,
  interfaces: [],
};

/** Looks into running guests, each every five minutes, and keeps what was seen there. */
export class GuestDetails {
  readonly #known = new Map<string, GuestDetail>();
  readonly #lookedAt = new Map<string, number>();
  readonly #taken = new Kept<GuestSnapshot>();

  constructor(private readonly parts: Pick<SourceParts, 'client' | 'target' | 'sink'>) {}

  /** What is known of a guest. */
  of({ type, vmid }: Pick<GuestResource, 'type' | 'vmid'>): GuestDetail | undefined {
    return this.#known.get(`${type}/${vmid}`);
  }

  /** The rounds over the guests that there are at the time. */
  rounds(guests: () => GuestResource[]): Round[] {
    const inside: Round = {
      name: 'guests',
      everyMs: INSIDE_EVERY_MS,
      run: (signal) => this.#look(guests(), signal),
    };
    const snapshots: Round = {
      name: 'snapshots',
      everyMs: SNAPSHOTS_EVERY_MS,
      run: (signal) => this.#snapshots(guests(), signal),
    };
    return this.parts.target.monitor.monitorBackups === false ? [inside] : [inside, snapshots];
  }

  async #look(guests: GuestResource[], signal: AbortSignal): Promise<void> {
    const present = new Set(guests.map(({ type, vmid }) => `${type}/${vmid}`));
    for (const known of [this.#known, this.#lookedAt])
      for (const key of known.keys()) if (!present.has(key)) known.delete(key);
    const lookedAt = ({ type, vmid }: GuestResource): number => this.#lookedAt.get(`${type}/${vmid}`) ?? 0;
    // Those that were not looked at for the longest time come first: a round that runs out of time goes on where it stopped.
    const running = guests
      .filter(({ status, template }) => status === 'running' && !template)
      .toSorted((a, b) => lookedAt(a) - lookedAt(b));
    await each(running, AT_ONCE, signal, async (guest) => {
      this.#lookedAt.set(`${guest.type}/${guest.vmid}`, Date.now());
      const detail = guest.type === 'qemu' ? await this.#machine(guest, signal) : await this.#container(guest, signal);
      if (!signal.aborted) this.#known.set(`${guest.type}/${guest.vmid}`, detail);
    });
  }

  async #container({ node, vmid }: GuestResource, signal: AbortSignal): Promise<GuestDetail> {
    const data = await orElse(
      this.parts.client.get(`nodes/${encodeURIComponent(node)}/lxc/${vmid}/interfaces`, { signal }),
      [],
    );
    return { ...unknown, diskReason: null, interfaces: parseInterfaces(data) };
  }

  async #machine({ node, vmid, type }: GuestResource, signal: AbortSignal): Promise<GuestDetail> {
    const { client } = this.parts;
    const at = `nodes/${encodeURIComponent(node)}/qemu/${vmid}`;
    const before = this.of({ type, vmid }) ?? unknown;
    const status = record(await orElse(client.get(`${at}/status/current`, { signal }), undefined));
    // Without an agent nothing else need be asked: each further call would wait for it in vain.
    if (status['agent'] === 0 || status['agent'] === undefined)
      return { ...unknown, ...cacheOf(status, undefined), diskReason: 'agent-disabled' };
    const ask = (path: string): Promise<unknown> => client.get(`${at}/agent/${path}`, { deadlineMs: AGENT_MS, signal });
    let found: ReturnType<typeof parseFilesystems>;
    try {
      found = parseFilesystems(await ask('get-fsinfo'));
    } catch (error) {
      const memory = cacheOf(status, undefined);
      // An agent that is slow now was not a moment ago: what it said then is better than nothing.
      const isSlow = error instanceof ProxmoxError && error.kind === 'timeout';
      return isSlow && before.disk ? { ...before, ...memory } : { ...unknown, ...memory, diskReason: reasonOf(error) };
    }
    const interfaces = parseInterfaces(await orElse(ask('network-get-interfaces'), []));
    const os = before.os ?? parseOs(await orElse(ask('get-osinfo'), {}));
    const isWindows = /windows/i.test(os?.name ?? '');
    const memory = isWindows ? undefined : parseAvailable(await orElse(ask('file-read?file=/proc/meminfo'), {}));
    return {
      ...cacheOf(status, memory),
      disk: found.disk,
      diskReason: found.reason,
      filesystems: found.filesystems,
      os,
      interfaces,
    };
  }

  async #snapshots(guests: GuestResource[], signal: AbortSignal): Promise<void> {
    const placeOf = ({ type, vmid }: GuestResource): string => `${type}/${vmid}`;
    this.#taken.retain(guests.map(placeOf));
    await each(guests, AT_ONCE, signal, async (guest) => {
      const { node, vmid, type, status } = guest;
      if (status === 'unknown') return;
      const path = `nodes/${encodeURIComponent(node)}/${type}/${vmid}/snapshot`;
      const data = await orElse(this.parts.client.get(path, { signal }), undefined);
      if (data !== undefined) this.#taken.set(placeOf(guest), parseSnapshots(data, { node, vmid, guestType: type }));
    });
    if (!signal.aborted) this.parts.sink.observe('snapshots', this.#taken.all());
  }
}
