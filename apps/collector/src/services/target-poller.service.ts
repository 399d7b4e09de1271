import type { LinkStatus, NodeSecret, ProxmoxNode, Target } from '@lapwing/contracts';
import { Deadline } from '@lapwing/outgoing';
import { createLogger, describeError } from '@lapwing/telemetry';
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { waitAfter } from '../domain/backoff.js';
import { ProxmoxClient } from '../sources/proxmox/client.js';
import { ProxmoxError } from '../sources/proxmox/proxmox-error.js';
import type { Round, TargetSource } from '../sources/proxmox/target-source.js';
import { targetSources } from '../sources/target-registry.js';
import type { Publisher } from './publisher.service.js';

/** Failed polls in a row after which a target counts as offline. */
const OFFLINE_AFTER = 3;
const LEAST_CYCLE_MS = 10_000;
const CYCLE_SHARE = 0.98;
const ROUND_MS = 300_000;
const PROBE_EVERY_MS = 30_000;
const FIRST_ROUND_MS = 500;
const SPREAD_MS = 2000;
const LATER_MS = 5000;
/** A pace that was changed holds after so long. */
const LOOK_MS = 1000;
/** The round whose pace people set. */
const BACKUPS = 'backups';

/** At which pace a target is polled, milliseconds; each may change while it is. */
export interface Pace {
  /** Between polls. */
  intervalMs: () => number;
  /** Between looks at backups. */
  backupsMs: () => number;
  /** Until an answer is given up. */
  deadlineMs: () => number;
}

/** How a client asks a target. */
export function clientOf(target: Target, secret: NodeSecret, deadlineMs?: () => number): ProxmoxClient {
  const { type, host, user, tokenName, fingerprint, caCertificate, verifySSL } = target;
  const certificate = {
    verify: verifySSL,
    ...(fingerprint !== '' && { fingerprint }),
    ...(caCertificate !== '' && { ca: caCertificate }),
  };
  return new ProxmoxClient({ type, host, user, tokenName, secret, certificate, ...(deadlineMs && { deadlineMs }) });
}

/** Polls one target, over and over, until it is stopped. */
export class TargetPoller {
  readonly #log = createLogger('poller', 'target');
  readonly #stopping = new AbortController();
  readonly #client: ProxmoxClient;
  readonly #source: TargetSource;
  #running: Promise<unknown> | undefined;
  #failures = 0;
  #fault: ProxmoxError | undefined;
  #reachedAt: number | null = null;
  #roundsBegun = false;
  readonly #rounds: Promise<void>[] = [];

  constructor(
    readonly target: Target,
    secret: NodeSecret,
    private readonly publisher: Publisher,
    private readonly pace: Pace,
  ) {
    this.#client = clientOf(target, secret, pace.deadlineMs);
    this.#source = targetSources[target.type]({ target, client: this.#client, sink: publisher });
  }

  /**
   * Begins to poll.
   * @param before what was said last of the target, perhaps by another poller: through it a cluster is found also while the endpoint that
   * was configured is away.
   */
  start(before: { link: LinkStatus | undefined; nodes: ProxmoxNode[] }): void {
    const { link } = before;
    if (link?.host === this.target.host) this.#goOn(link, before.nodes);
    else for (const section of this.#source.slowSections) this.publisher.observe(section, []);
    for (const section of this.#source.unwantedSections) this.publisher.observe(section, []);
    // Each call and each round listens for the end.
    setMaxListeners(0, this.#stopping.signal);
    this.#running = this.#run();
  }

  #goOn({ endpoints, reachedAt }: LinkStatus, nodes: ProxmoxNode[]): void {
    this.#source.seed(nodes);
    this.#reachedAt = reachedAt;
    const others = endpoints.filter(({ host }) => host !== '' && host !== this.target.host);
    this.#client.setEntrances(others.map(({ host, fingerprint }) => ({ host, ...(fingerprint && { fingerprint }) })));
  }

  /** Ends it; nothing is said any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#client.close();
    await this.#running;
    await Promise.all(this.#rounds);
    await this.publisher.flush();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedAt = performance.now();
      await this.#poll(signal);
      if (signal.aborted) return;
      const refused = this.#fault?.kind === 'auth';
      const wait = waitAfter(this.pace.intervalMs(), this.#failures, refused, Math.random());
      this.publisher.observe('link', [this.#link(wait)]);
      await this.publisher.flush();
      await this.#wait(Math.max(wait - (performance.now() - startedAt), 0), this.pace.intervalMs);
    }
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const limit = new Deadline(Math.max(this.pace.intervalMs(), LEAST_CYCLE_MS) * CYCLE_SHARE, signal);
    try {
      await this.#source.poll(limit.signal);
      if (this.#failures >= OFFLINE_AFTER) this.#log.info({ target: this.target.name }, 'reached again');
      this.#failures = 0;
      this.#fault = undefined;
      this.#reachedAt = Date.now();
      if (!this.#roundsBegun) this.#beginRounds();
    } catch (error) {
      if (signal.aborted) return;
      this.#failures++;
      this.#fault = error instanceof ProxmoxError ? error : new ProxmoxError('answer', 'the poll took too long');
      if (!(error instanceof ProxmoxError) && !limit.isOver)
        this.#log.error({ error: describeError(error), target: this.target.name }, 'polling failed');
      else if (this.#failures === 1 || this.#failures === OFFLINE_AFTER)
        this.#log.warn(
          { fault: this.#fault.message, failures: this.#failures, target: this.target.name },
          'not reached',
        );
      if (this.#failures >= OFFLINE_AFTER) this.#source.markOffline();
    } finally {
      limit.clear();
    }
  }

  #link(wait: number): LinkStatus {
    const { version, isCluster, clusterName, members } = this.#source.installation;
    const endpoints = this.#client.endpoints();
    const { certificateEndsAt } = this.#client;
    const offline = this.#failures >= OFFLINE_AFTER || (this.#reachedAt === null && this.#failures > 0);
    // Ways that never led there, e.g. addresses of a network that this poller is not in, are no loss.
    const isWeak = this.#failures > 0 || endpoints.some(({ usable, lastSeenAt }) => !usable && lastSeenAt !== null);
    const own = { node: this.target.name, host: this.target.host };
    const known = members.length > 0 ? members : [{ ...own, online: !offline }];
    return {
      type: this.target.type,
      host: this.target.host,
      status: offline ? 'offline' : 'online',
      health: offline ? 'error' : isWeak ? 'degraded' : 'healthy',
      fault: this.#fault?.kind ?? null,
      error: this.#fault?.message ?? '',
      version,
      isCluster,
      clusterName,
      endpoints: known.map((member) => {
        const { lastSeenAt = null, fingerprint } = endpoints.find(({ host }) => host === member.host) ?? {};
        return { ...member, lastSeenAt, ...(fingerprint !== undefined && { fingerprint }) };
      }),
      reachedAt: this.#reachedAt,
      intervalSeconds: Math.max(wait, this.pace.intervalMs()) / 1000,
      ...(certificateEndsAt !== undefined && { certificateEndsAt }),
      failures: this.#failures,
    };
  }

  #beginRounds(): void {
    this.#roundsBegun = true;
    const probe: Round = { name: 'endpoints', everyMs: PROBE_EVERY_MS, run: (signal) => this.#client.probe(signal) };
    for (const round of [...this.#source.rounds, probe]) this.#rounds.push(this.#repeat(round));
  }

  async #repeat(round: Round): Promise<void> {
    const { signal } = this.#stopping;
    await this.#pause(FIRST_ROUND_MS + Math.random() * SPREAD_MS);
    while (!signal.aborted) {
      const startedAt = performance.now();
      if (this.#failures > 0) {
        await this.#pause(LATER_MS);
        continue;
      }
      await this.#round(round, signal);
      const everyMs = this.#everyMs(round);
      const wait = everyMs * (0.95 + 0.1 * Math.random()) - (performance.now() - startedAt);
      await this.#wait(Math.max(wait, everyMs / 10), () => this.#everyMs(round));
    }
  }

  #everyMs({ name, everyMs }: Round): number {
    return name === BACKUPS ? this.pace.backupsMs() : everyMs;
  }

  async #round(round: Round, signal: AbortSignal): Promise<void> {
    const limit = new Deadline(Math.max(round.everyMs, ROUND_MS), signal);
    try {
      await round.run(limit.signal);
    } catch (error) {
      if (!signal.aborted)
        this.#log.warn({ error: describeError(error), round: round.name, target: this.target.name }, 'a round failed');
    } finally {
      limit.clear();
    }
  }

  /** Waits, or until the pace is another one. */
  async #wait(ms: number, pace: () => number): Promise<void> {
    const [before, until] = [pace(), performance.now() + ms];
    for (let left = ms; left > 0 && pace() === before && !this.#stopping.signal.aborted;) {
      await this.#pause(Math.min(left, LOOK_MS));
      left = until - performance.now();
    }
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
  }
}
