import type { MailGateway, SectionName } from '@lapwing/contracts';
import {
  each,
  orElse,
  type Installation,
  type Round,
  type SourceParts,
  type TargetSource,
} from '../proxmox/target-source.js';
import { record, text } from '../proxmox/values.js';
import { parseHours, parseMail, parseMembers, parseQuarantined, parseQueue, parseScores } from './parse.js';

const EVERY_MS = 60_000;
const VERSION_EVERY_MS = 300_000;
const DAY_SECONDS = 86_400;
const AT_ONCE = 2;
const QUEUES = ['active', 'deferred', 'hold', 'incoming'] as const;

/** Reads a Proxmox Mail Gateway: its members at each interval, mails and queues once a minute. */
export class ProxmoxMailSource implements TargetSource {
  readonly rounds: Round[];
  readonly slowSections: SectionName[] = [];
  readonly unwantedSections: SectionName[] = [];
  #installation: Installation = { version: '', isCluster: false, clusterName: '', members: [] };
  #versionAt = Number.NEGATIVE_INFINITY;
  #nodes: MailGateway['nodes'] = [];
  readonly #queues = new Map<string, MailGateway['nodes'][number]['queue']>();
  #figures: Pick<MailGateway, 'mail' | 'hours' | 'spamScores' | 'quarantine'> = {
    mail: null,
    hours: [],
    spamScores: [],
    quarantine: null,
  };

  constructor(private readonly parts: SourceParts) {
    this.rounds = [
      { name: 'mail', everyMs: EVERY_MS, run: (signal) => this.#readMail(signal) },
      { name: 'queues', everyMs: EVERY_MS, run: (signal) => this.#readQueues(signal) },
    ];
  }

  get installation(): Installation {
    return this.#installation;
  }

  async poll(signal: AbortSignal): Promise<void> {
    const { client } = this.parts;
    const now = performance.now();
    if (now - this.#versionAt > VERSION_EVERY_MS) {
      const { version } = record(await client.get('version', { signal }));
      this.#installation = { ...this.#installation, version: text(version) };
      this.#versionAt = now;
    }
    this.#nodes = parseMembers(await client.get('config/cluster/status?list_single_node=1', { signal }));
    const members = this.#nodes.map(({ name, status }) => ({ node: name, host: '', online: status === 'online' }));
    this.#installation = { ...this.#installation, isCluster: members.length > 1, members };
    this.#show();
  }

  seed(): void {
    // what it shows comes with the first poll
  }

  markOffline(): void {
    this.#nodes = this.#nodes.map((node) => ({ ...node, status: 'offline', uptime: 0 }));
    if (this.#nodes.length > 0) this.#show();
  }

  #show(): void {
    const nodes = this.#nodes.map((node) => ({ ...node, queue: this.#queues.get(node.name) ?? null }));
    this.parts.sink.observe('mailGateway', [{ nodes, ...this.#figures, readAt: Date.now() }]);
  }

  async #readMail(signal: AbortSignal): Promise<void> {
    const { client, target } = this.parts;
    const { monitorMailStats, monitorQuarantine } = target.monitor;
    const get = (path: string): Promise<unknown> => orElse(client.get(path, { deadlineMs: 15_000, signal }), undefined);
    const now = Math.floor(Date.now() / 1000);
    const span = `starttime=${now - DAY_SECONDS}&endtime=${now}`;
    const [mail, hours, scores] =
      monitorMailStats === false
        ? []
        : [
            await get(`statistics/mail?${span}`),
            await get(`statistics/mailcount?timespan=3600&${span}`),
            await get(`statistics/spamscores?${span}`),
          ];
    const [spam, virus] =
      monitorQuarantine === false ? [] : [await get('quarantine/spamstatus'), await get('quarantine/virusstatus')];
    const before = this.#figures;
    this.#figures = {
      mail: mail === undefined ? before.mail : parseMail(mail),
      hours: hours === undefined ? before.hours : parseHours(hours),
      spamScores: scores === undefined ? before.spamScores : parseScores(scores),
      quarantine:
        spam === undefined && virus === undefined
          ? before.quarantine
          : { spam: parseQuarantined(spam), virus: parseQuarantined(virus), attachment: 0, blacklisted: 0 },
    };
  }

  async #readQueues(signal: AbortSignal): Promise<void> {
    if (this.parts.target.monitor.monitorQueues === false) return;
    for (const name of this.#queues.keys())
      if (!this.#nodes.some((node) => node.name === name)) this.#queues.delete(name);
    const online = this.#nodes.filter(({ status }) => status === 'online');
    await each(online, AT_ONCE, signal, async ({ name }) => {
      const read = (queue: string): Promise<unknown> =>
        this.parts.client.get(`nodes/${encodeURIComponent(name)}/postfix/qshape?queue=${queue}`, { signal });
      try {
        const [active, deferred, hold, incoming] = await Promise.all(
          QUEUES.map(async (queue) => parseQueue(await read(queue))),
        );
        if (!active || !deferred || !hold || !incoming) return;
        this.#queues.set(name, {
          active: active.total,
          deferred: deferred.total,
          hold: hold.total,
          incoming: incoming.total,
          oldestAge: Math.max(active.oldestAge, deferred.oldestAge, hold.oldestAge, incoming.oldestAge),
        });
      } catch {
        // the last figures stay
      }
    });
  }
}
