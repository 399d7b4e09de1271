import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  dockerhostChanged,
  dockerhostReported,
  type DockerCommand,
  type DockerHost,
  type DockerReport,
  type InputOf,
  type OutputOf,
  type PayloadOf,
  type dockercommandAcknowledge,
  type dockerhostReport,
} from '@lapwing/contracts';
import type { Schema, Transaction } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { createHash, randomUUID } from 'node:crypto';
import { acknowledge, dispatch, isOpen, present, stopCommand } from '../domain/docker-command.js';
import { hostIdsOf, hostOf, identityOf, offlineAfter } from '../domain/docker-identity.js';
import { emptyMemory, issuesOf, remember } from '../domain/docker-issues.js';
import { pageOf } from '../domain/pages.js';
import type { DockerHostRow, DockerHostStore } from '../store/docker-host.store.js';

type Token = InputOf<typeof dockerhostReport>['token'];

const LOCK = 7_524_611;
const AHEAD_MS = 600_000;
const REMOVED_MS = 24 * 3_600_000;
const LOOK_MS = 5000;
const MAX_HOSTS = 5000;
const MAX_HOSTS_OF_TOKEN = 1000;
const FULL_RETRY_MS = 600_000;
const ROWS = 50;
const ONLY_REMOVED = 'allow it to enrol again, or wait';

/** Docker hosts that report over HTTP. */
export class DockerHostsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('fleet', 'docker hosts');
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** Since when hosts could be heard without a break. */
  #listeningSince = Date.now();
  #isDeaf = false;

  constructor(
    private readonly bus: Bus,
    private readonly schema: Schema,
    private readonly store: DockerHostStore,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, LOOK_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Takes a report. One that is not newer than the last changes nothing but when the host was seen. */
  async report(token: Token, report: DockerReport): Promise<OutputOf<typeof dockerhostReport>> {
    const now = Date.now();
    const timestamp = Date.parse(report.timestamp ?? '');
    // Go writes the year 1 where there is no time.
    const reportedAt = timestamp > 0 ? timestamp : now;
    if (reportedAt > now + AHEAD_MS)
      throw new LapwingError(
        'CLOCK_SKEW',
        `the report is of ${report.timestamp}, which is more than 10 minutes from now`,
        {
          serverTime: new Date(now).toISOString(),
        },
      );
    const identity = identityOf(report, token?.id ?? '');
    const lock = { kind: LOCK, of: identity.agentKey };
    const { host, isNew } = await this.schema.exclusive('docker_host.report', lock, async (transaction) => {
      const known = await this.#find(transaction, identity, now);
      const merged = await this.#merge(transaction, { identity, known, token, report, reportedAt, now });
      await this.store.put(transaction, merged);
      return { host: merged, isNew: known === undefined };
    });
    if (isNew) await this.#tell(host.id, 'added', `${host.hostname} reports its containers`);
    this.bus.announce(dockerhostReported, host.id, { hostId: host.id });
    const commands = isOpen(host.command, now) ? [{ id: host.command.id, type: host.command.type }] : [];
    return { hostId: host.id, containers: report.containers?.length ?? 0, lastSeenAt: host.lastSeenAt, commands };
  }

  /** Hosts after one of them, as many as fit into a message. */
  async page(after: string): Promise<{ hosts: DockerHost[]; next: string | null }> {
    const found = (await this.store.page(after, ROWS)).map((row) => this.#describe(row));
    const { page, next } = pageOf(found, ROWS, ({ id }) => id);
    return { hosts: page, next };
  }

  /** Removes a host, or tells one that reports to stop first. `NOT_FOUND`. */
  async remove(id: string, force: boolean): Promise<{ removed: boolean; command: DockerCommand | null }> {
    const now = Date.now();
    const result = await this.#change(id, (host) => {
      if (force || !this.#isOnline(host, now))
        return { ...host, removedAt: now, command: null, pendingUninstall: false, memory: emptyMemory };
      const command = isOpen(host.command, now) ? host.command : stopCommand(randomUUID(), now);
      return { ...host, command, pendingUninstall: true };
    });
    const removed = result.removedAt !== null;
    if (removed) await this.#tell(id, 'removed', `${result.hostname} was removed`);
    return { removed, command: result.command };
  }

  /** Lets a removed host report again. `NOT_FOUND`. */
  async allow(id: string): Promise<void> {
    await this.schema.transaction('docker_host.allow', async (transaction) => {
      const host = await this.store.find(transaction, id);
      if (!host || host.removedAt === null)
        throw new LapwingError('NOT_FOUND', `no removed Docker host "${id}"`, { id });
      await this.store.delete(transaction, id);
    });
  }

  /** Shows or hides a host, or marks that its agent is about to be uninstalled. `NOT_FOUND`. */
  async mark(
    id: string,
    marks: { hidden?: boolean | undefined; pendingUninstall?: boolean | undefined },
  ): Promise<DockerHost> {
    const { hidden, pendingUninstall } = marks;
    const row = await this.#change(id, (host) => ({
      ...host,
      hidden: hidden ?? host.hidden,
      pendingUninstall: pendingUninstall ?? host.pendingUninstall,
    }));
    return this.#describe(row);
  }

  /** Hears what became of a command. One that was told to stop and has is removed. `NOT_FOUND`. */
  async acknowledge(
    said: InputOf<typeof dockercommandAcknowledge>,
  ): Promise<OutputOf<typeof dockercommandAcknowledge>> {
    const now = Date.now();
    const row = await this.#change(said.hostId, (host) => {
      // Another host's token says nothing about this one's commands.
      const isOwn = said.token === null || said.token.id === host.tokenId;
      if (!isOwn || host.command?.id !== said.id)
        throw new LapwingError('NOT_FOUND', `no command "${said.id}" for the Docker host "${said.hostId}"`);
      const command = acknowledge(host.command, said, now);
      const stopped = command.status === 'completed';
      return {
        ...host,
        command,
        pendingUninstall: !stopped && command.status !== 'failed',
        removedAt: stopped ? now : null,
      };
    });
    if (row.removedAt !== null) await this.#tell(row.id, 'removed', `the agent of ${row.hostname} has stopped`);
    if (!row.command) throw new Error('a command was lost');
    return { hostId: row.id, command: row.command };
  }

  async #find(transaction: Transaction, identity: ReturnType<typeof identityOf>, now: number) {
    const alike = await this.store.alike(transaction, identity.agentKey, identity.machineId);
    const over = alike.filter(({ removedAt }) => removedAt !== null && removedAt < now - REMOVED_MS);
    for (const { id } of over) await this.store.delete(transaction, id);
    const rest = alike.filter((row) => !over.includes(row));
    const found = hostOf(
      identity,
      rest.map((row) => ({ ...row, isOnline: row.removedAt === null && this.#isOnline(row, now) })),
    );
    const host = rest.find(({ id }) => id === found?.id);
    if (host?.removedAt != null)
      throw new LapwingError(
        'HOST_REMOVED',
        `the Docker host "${host.id}" was removed and may not report for 24 hours: ${ONLY_REMOVED}`,
        {
          hostId: host.id,
          retryAfterMs: host.removedAt + REMOVED_MS - now,
        },
      );
    return host;
  }

  async #merge(
    transaction: Transaction,
    seen: {
      identity: ReturnType<typeof identityOf>;
      known: DockerHostRow | undefined;
      token: Token;
      report: DockerReport;
      reportedAt: number;
      now: number;
    },
  ): Promise<DockerHostRow> {
    const { identity, known, token, report, reportedAt, now } = seen;
    const containers = report.containers ?? [];
    if (!known) {
      const id = await this.#newId(transaction, identity);
      const marks = { hidden: false, pendingUninstall: false, removedAt: null, toldOffline: false, command: null };
      return {
        ...identity,
        ...marks,
        id,
        tokenName: token?.name ?? '',
        intervalSeconds: report.agent.intervalSeconds,
        reportedAt,
        lastSeenAt: now,
        memory: remember(emptyMemory, containers, now),
        report,
      };
    }
    const command = isOpen(known.command, now) ? dispatch(known.command, now) : present(known.command, now);
    const { tokenId, hostname } = identity;
    const tokenName = token?.name ?? '';
    if (reportedAt <= known.reportedAt) return { ...known, tokenId, tokenName, hostname, lastSeenAt: now, command };
    return {
      ...known,
      tokenId,
      tokenName,
      hostname,
      intervalSeconds: report.agent.intervalSeconds,
      reportedAt,
      lastSeenAt: now,
      command,
      memory: remember(known.memory, containers, now),
      report,
    };
  }

  /** An id for a new host; `RATE_LIMITED` when there are too many already. */
  async #newId(transaction: Transaction, identity: ReturnType<typeof identityOf>): Promise<string> {
    const { all, own } = await this.store.count(transaction, identity.tokenId);
    if (all >= MAX_HOSTS || own >= MAX_HOSTS_OF_TOKEN)
      throw new LapwingError(
        'RATE_LIMITED',
        `more than ${MAX_HOSTS_OF_TOKEN} Docker hosts of one token, or ${MAX_HOSTS} of all`,
        {
          retryAfterMs: FULL_RETRY_MS,
        },
      );
    for (const id of hostIdsOf(identity, (text) => createHash('sha256').update(text).digest('hex')))
      if (!(await this.store.find(transaction, id))) return id;
    throw new LapwingError('RATE_LIMITED', `too many hosts are called ${identity.hostname}`, {
      retryAfterMs: FULL_RETRY_MS,
    });
  }

  /** Changes one host that is there. */
  #change(id: string, change: (host: DockerHostRow) => DockerHostRow): Promise<DockerHostRow> {
    return this.schema.transaction('docker_host.change', async (transaction) => {
      const host = await this.store.find(transaction, id);
      if (!host || host.removedAt !== null) throw new LapwingError('NOT_FOUND', `no Docker host "${id}"`, { id });
      const next = change(host);
      await this.store.put(transaction, next);
      return next;
    });
  }

  #describe(row: DockerHostRow): DockerHost {
    const now = Date.now();
    return {
      id: row.id,
      agentId: row.agentKey,
      displayName: row.report.host.name || row.hostname,
      status: this.#isOnline(row, now) ? 'online' : 'offline',
      lastSeenAt: row.lastSeenAt,
      token: row.tokenId === '' ? null : { id: row.tokenId, name: row.tokenName },
      hidden: row.hidden,
      pendingUninstall: row.pendingUninstall,
      command: present(row.command, now),
      issues: issuesOf(row.report.containers ?? [], row.memory, now),
      recentExitCodes: row.memory.exits,
      report: row.report,
    };
  }

  #isOnline(host: Pick<DockerHostRow, 'lastSeenAt' | 'intervalSeconds' | 'toldOffline'>, now: number): boolean {
    // Nobody could report while nobody listened.
    const since = host.toldOffline ? host.lastSeenAt : Math.max(host.lastSeenAt, this.#listeningSince);
    return now - since < offlineAfter(host.intervalSeconds);
  }

  /** Tells who has gone and who is back, and forgets whose removal is over. */
  async #look(): Promise<void> {
    const now = Date.now();
    const isDeaf = !this.bus.online || !this.schema.ready;
    if (this.#isDeaf && !isDeaf) this.#listeningSince = now;
    this.#isDeaf = isDeaf;
    if (isDeaf) return;
    try {
      for (const { id, offline } of await this.store.turned(now, this.#listeningSince))
        await this.#tell(id, offline ? 'offline' : 'online', offline ? `${id} does not report` : `${id} reports again`);
      await this.store.tidy(now - REMOVED_MS);
    } catch (error) {
      this.#isDeaf = true;
      this.#log.debug({ error: describeError(error) }, 'Docker hosts are looked at with the next round');
    }
  }

  async #tell(hostId: string, change: PayloadOf<typeof dockerhostChanged>['change'], message: string): Promise<void> {
    try {
      await this.bus.publish(dockerhostChanged, hostId, { hostId, change, message, time: Date.now() });
    } catch (error) {
      this.#log.warn({ error: describeError(error), hostId, change }, 'nobody could be told about a Docker host');
    }
  }
}
