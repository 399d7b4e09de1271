import type { Bus, Leases } from '@lapwing/bus';
import type { DiscoveredServer, Discovery, NodeType } from '@lapwing/contracts';
import { Deadline, OutgoingSession } from '@lapwing/outgoing';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { addressesOf } from '../domain/subnet.js';
import { each } from '../sources/proxmox/target-source.js';
import { text } from '../sources/proxmox/values.js';
import type { PollingService } from './polling.service.js';
import { Publisher } from './publisher.service.js';

const LEASE = 'discovery';
const LOOK_MS = 2000;
const EVERY_MS = 300_000;
const SCAN_MS = 120_000;
const AT_ONCE = 50;
const CONNECT_MS = 1000;
const ANSWER_MS = 2000;
const MAX_PAGE = 2 ** 18;
const PORTS = [8006, 8007];
const MAX_ERRORS = 100;

/** What the page of each kind of server says it is. */
const PAGES: [NodeType, RegExp][] = [
  ['pbs', /Proxmox Backup Server/i],
  ['pmg', /Proxmox Mail Gateway/i],
  ['pve', /Proxmox Virtual Environment/i],
];

/** Looks for Proxmox servers in the networks that were named, every five minutes; one poller does it for all. */
export class DiscoveryService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('poller', 'discovery');
  readonly #stopping = new AbortController();
  readonly #publisher: Publisher;
  #running: Promise<void> | undefined;
  #doneAt = Number.NEGATIVE_INFINITY;
  #doneFor = '';

  constructor(
    bus: Bus,
    private readonly leases: Leases,
    private readonly polling: PollingService,
  ) {
    this.#publisher = new Publisher(bus, LEASE, () => leases.holds(LEASE));
  }

  onApplicationBootstrap(): void {
    this.#running = this.#run();
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let last: Discovery = { servers: [], errors: [], scanning: false, updatedAt: null };
    while (!signal.aborted) {
      const { settings } = this.polling;
      const discoverySubnets = settings.discoveryEnabled ? settings.discoverySubnets : [];
      const subnets = discoverySubnets.join(' ');
      const isDue = performance.now() - this.#doneAt > EVERY_MS || subnets !== this.#doneFor;
      if (isDue && (subnets !== '' || this.#doneFor !== '') && (await this.leases.claim(LEASE))) {
        this.#doneAt = performance.now();
        this.#doneFor = subnets;
        last = await this.#scan(discoverySubnets, last);
      }
      await pause(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #scan(subnets: string[], last: Discovery): Promise<Discovery> {
    this.#publisher.observe('discovery', [{ ...last, scanning: true }]);
    const deadline = new Deadline(SCAN_MS, this.#stopping.signal);
    const { signal } = deadline;
    setMaxListeners(0, signal);
    const session = new OutgoingSession({
      reach: 'private',
      http: false,
      maxBytes: MAX_PAGE,
      connections: 1,
      connectMs: CONNECT_MS,
      // Nothing is told to whoever answers, so it does not matter who it is.
      certificate: { verify: false },
    });
    const servers: DiscoveredServer[] = [];
    const errors: string[] = [];
    try {
      const places = subnets.flatMap((subnet) =>
        addressesOf(subnet).flatMap((host) => PORTS.map((port) => ({ host, port }))),
      );
      await each(places, AT_ONCE, signal, async (place) => {
        const found = await this.#look(session, place, signal);
        if (typeof found === 'string') errors.push(found);
        else if (found) servers.push(found);
      });
      if (deadline.isOver) errors.push('the search took longer than two minutes');
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the search failed');
    } finally {
      deadline.clear();
      await session.close();
    }
    const sorted = servers.toSorted((a, b) => (`${a.host}:${a.port}` < `${b.host}:${b.port}` ? -1 : 1));
    const result = { servers: sorted, errors: errors.slice(0, MAX_ERRORS), scanning: false, updatedAt: Date.now() };
    if (!this.#stopping.signal.aborted) this.#publisher.observe('discovery', [result]);
    return result;
  }

  /** What listens there; nothing when nobody does, a sentence when somebody does who is no Proxmox server. */
  async #look(
    session: OutgoingSession,
    { host, port }: { host: string; port: number },
    signal: AbortSignal,
  ): Promise<DiscoveredServer | string | undefined> {
    try {
      const page = await session.ask(`https://${host}:${port}/`, { deadlineMs: ANSWER_MS, signal });
      const type = PAGES.find(([, pattern]) => pattern.test(page.text))?.[0];
      if (!type) return `${host}:${port} answers, but not as a Proxmox server`;
      return { host, port, type, name: nameOf(page.text) || host };
    } catch {
      return undefined;
    }
  }
}

/** The title of Proxmox's page begins with the name of the node. */
function nameOf(page: string): string {
  const title = text(/<title>([^<]{1,200})<\/title>/i.exec(page)?.[1]);
  return / - Proxmox/i.test(title) ? title.replace(/ - Proxmox.*/i, '') : '';
}
