import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  agentChanged,
  agentConfigured,
  type Agent,
  type AgentOverride,
  type AgentSettings,
  type HostSample,
  type PayloadOf,
} from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import type { FollowedSettings } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { changeOverride, settingsOf } from '../domain/settings.js';
import type { AgentRow, AgentStore } from '../store/agent.store.js';
import type { CredentialStore } from '../store/credential.store.js';
import type { RegistrationStore } from '../store/registration.store.js';
import type { AccessService } from './access.service.js';
import type { PresenceListener, PresenceService } from './presence.service.js';

/** Serialises what happens to one agent. */
export const AGENT_LOCK = 7_524_610;
const TOKEN_MS = 24 * 3_600_000;
const RECALL_PAGE = 500;

/** What happened to an agent; the time is added when it is told. */
export type Change = Omit<PayloadOf<typeof agentChanged>, 'time'>;

/** The hash under which an enrolment token is kept. */
export function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** What the service stands on. */
export interface AgentsParts {
  bus: Bus;
  schema: Schema;
  agents: AgentStore;
  registrations: RegistrationStore;
  credentials: CredentialStore;
  access: AccessService;
  presence: PresenceService;
  settings: FollowedSettings;
}

/** The registered agents: who they are, how they are, what they are to do, and their end. */
export class AgentsService implements OnApplicationBootstrap, OnModuleDestroy, PresenceListener {
  readonly #log = createLogger('fleet', 'agents');
  readonly #stopping = new AbortController();

  constructor(private readonly parts: AgentsParts) {
    parts.presence.listener = this;
  }

  onApplicationBootstrap(): void {
    const { connection } = this.parts.bus;
    connection.whenLinked(() => void this.#recall());
    this.parts.settings.onChange(() => void this.#tellAll());
  }

  onModuleDestroy(): void {
    this.#stopping.abort();
  }

  /** The agents after one of them, by id. */
  async page(after: string, limit: number): Promise<Agent[]> {
    return (await this.parts.agents.page(after, limit)).map((row) => this.describe(row));
  }

  /** One agent; `NOT_FOUND`. */
  async get(id: string): Promise<Agent> {
    return this.describe(await this.#find(id));
  }

  /** An agent as others see it. */
  describe(row: AgentRow): Agent {
    const { state, publicKey, lastSeenAt, address, ...rest } = row;
    const running = this.parts.presence.running(row.id) ?? row.running;
    const intervalMs = running ? running.refreshInterval * 1000 : undefined;
    const presence = this.parts.presence.of(row.id, { lastSeenAt, intervalMs });
    const status = state === 'revoked' || state === 'quarantined' ? state : presence.status;
    return { ...rest, address, running, status, fingerprint: publicKey, lastSeenAt: presence.lastSeenAt };
  }

  /** Adds an agent by hand; `AGENT_EXISTS`. The token is shown here only. */
  async create(id: string, name: string): Promise<{ agent: Agent; enrollmentToken: string; expiresAt: number }> {
    const now = Date.now();
    const enrollmentToken = `let_${randomBytes(24).toString('base64url')}`;
    const draft = { id, name, tokenHash: tokenHash(enrollmentToken), tokenExpiresAt: now + TOKEN_MS, now };
    if (!(await this.parts.agents.add(draft)))
      throw new LapwingError('AGENT_EXISTS', `there is an agent "${id}" already`, { id });
    await this.tell({ agentId: id, change: 'added', status: 'offline', message: `${id} was added by hand` });
    return { agent: await this.get(id), enrollmentToken, expiresAt: draft.tokenExpiresAt };
  }

  /** Makes an agent's credentials void, on every server, before it returns. `NOT_FOUND`. */
  async revoke(id: string): Promise<Agent> {
    this.#wantAuthority();
    const { agents, credentials, registrations, schema } = this.parts;
    await schema.exclusive('agent.revoke', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      if (!(await agents.find(id, transaction))) throw noAgent(id);
      await agents.setState(transaction, id, 'revoked');
      await credentials.revoke(transaction, id, Date.now());
      await registrations.forget(transaction, id, null);
    });
    const message = `the credentials of ${id} are void`;
    await this.#enforceAndTell({ agentId: id, change: 'revoked', status: 'revoked', message });
    return this.get(id);
  }

  /** Forgets an agent, with its credentials and whoever asks for its id. `NOT_FOUND`. */
  async delete(id: string): Promise<void> {
    const { agents, credentials, registrations, schema } = this.parts;
    await schema.exclusive('agent.delete', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      if (!(await agents.delete(transaction, id))) throw noAgent(id);
      await credentials.revoke(transaction, id, Date.now());
      await registrations.forget(transaction, id, null);
    });
    this.parts.presence.forget(id);
    await this.#enforceAndTell({ agentId: id, change: 'deleted', status: null, message: `${id} was deleted` });
  }

  /** Sets what holds for one agent alone, and tells it. `NOT_FOUND`. */
  async configure(id: string, changes: AgentOverride): Promise<Agent> {
    const { agents, schema, bus } = this.parts;
    const override = await schema.exclusive('agent.configure', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      const row = await agents.find(id, transaction);
      if (!row) throw noAgent(id);
      const next = changeOverride(row.override, changes);
      await agents.setOverride(transaction, id, next);
      return next;
    });
    bus.announce(agentConfigured, id, settingsOf(this.parts.settings.current, override));
    const agent = await this.get(id);
    await this.tell({ agentId: id, change: 'settings', status: agent.status, message: `${id} has new settings` });
    return agent;
  }

  /** What an agent is to do. */
  async settingsOf(id: string): Promise<AgentSettings> {
    const row = await this.parts.agents.find(id);
    return settingsOf(this.parts.settings.current, row?.override ?? {});
  }

  /** The system's settings are others than before: every agent is told what holds for it. */
  async #tellAll(): Promise<void> {
    try {
      for (const { id, override } of await this.parts.agents.overrides())
        this.parts.bus.announce(agentConfigured, id, settingsOf(this.parts.settings.current, override));
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'agents learn the new settings when they ask');
    }
  }

  /** Publishes what happened to an agent; the database has it already. */
  async tell(change: Change, messageId?: string): Promise<void> {
    const event = { ...change, time: Date.now() };
    try {
      await this.parts.bus.publish(agentChanged, change.agentId, event, messageId);
    } catch (error) {
      this.#log.warn({ error: describeError(error), ...change }, 'nobody could be told about an agent');
    }
  }

  /** See {@link PresenceListener}. Where NATS lets everybody in, whoever reports is registered. */
  appeared(agentId: string, { system }: HostSample): void {
    if (!this.parts.access.isOpen) return;
    const host = { hostname: system.hostname, architecture: system.architecture, os: system.platform };
    this.parts.agents.hear(agentId, host, Date.now()).catch((error: unknown) => {
      this.#log.warn({ error: describeError(error), agentId }, 'an agent could not be registered yet');
      this.parts.presence.forget(agentId);
    });
  }

  changed(agentId: string, status: 'online' | 'stale' | 'offline', lastSeenAt: number | null): void {
    this.#tellStatus(agentId, status, lastSeenAt).catch((error: unknown) => {
      this.#log.debug({ error: describeError(error), agentId, status }, 'nobody could be told how an agent is');
    });
  }

  /** What an agent that was deleted or shut out has said stays in the stream for a while, and is no news. */
  async #tellStatus(agentId: string, status: 'online' | 'stale' | 'offline', lastSeenAt: number | null): Promise<void> {
    const row = await this.parts.agents.find(agentId);
    if (!row) this.parts.presence.forget(agentId);
    if (row?.state !== 'approved') return;
    const message = status === 'online' ? `${agentId} reports` : `${agentId} is ${status}`;
    await this.tell({ agentId, change: 'status', status, message }, `${agentId}:${status}:${lastSeenAt}`);
  }

  twins(agentId: string): void {
    this.#quarantine(agentId).catch((error: unknown) => {
      this.#log.error(
        { error: describeError(error), agentId },
        'two machines have one identity, and could not be shut out',
      );
    });
  }

  async #quarantine(id: string): Promise<void> {
    if (this.parts.access.isOpen) {
      this.#log.warn({ agentId: id }, 'two machines have one identity; NATS lets everybody in, so nobody is shut out');
      return;
    }
    const { agents, credentials, schema } = this.parts;
    const done = await schema.exclusive('agent.quarantine', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      const row = await agents.find(id, transaction);
      if (row?.state !== 'approved') return false;
      await agents.setState(transaction, id, 'quarantined');
      await credentials.revoke(transaction, id, Date.now());
      return true;
    });
    if (!done) return;
    const message = `${id} runs on two machines at once: both are shut out until somebody approves one of them`;
    this.#log.warn({ agentId: id }, 'an identity runs on two machines at once: both are shut out');
    await this.#enforceAndTell({ agentId: id, change: 'quarantined', status: 'quarantined', message });
  }

  /** Cuts the connections first, and tells in any case: what was decided is kept, and it is tried again until it holds. */
  async #enforceAndTell(change: Change): Promise<void> {
    try {
      await this.parts.access.enforce();
    } finally {
      await this.tell(change);
    }
  }

  async #find(id: string): Promise<AgentRow> {
    const row = await this.parts.agents.find(id);
    if (!row) throw noAgent(id);
    return row;
  }

  /** After a start: the system's settings, and the newest samples of agents that have been silent for long. */
  async #recall(): Promise<void> {
    while (!this.parts.schema.ready && !this.#stopping.signal.aborted)
      await pause(200, undefined, { signal: this.#stopping.signal }).catch(() => {});
    if (this.#stopping.signal.aborted) return;
    // Who asked while the settings were still to be read was told the usual ones.
    await this.#tellAll();
    const all: [string, number][] = [];
    const silent: string[] = [];
    try {
      for (let after: string | undefined = ''; after !== undefined;) {
        const rows: AgentRow[] = await this.parts.agents.page(after, RECALL_PAGE);
        all.push(...rows.flatMap(intervalOf));
        silent.push(...rows.filter((row) => row.lastSeenAt !== null).map((row) => row.id));
        after = rows.length < RECALL_PAGE ? undefined : rows.at(-1)?.id;
      }
      this.parts.presence.know(all);
      await this.parts.presence.recall(silent);
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, 'the last samples of silent agents could not be recalled');
    }
  }

  #wantAuthority(): void {
    if (this.parts.access.isOpen)
      throw new LapwingError(
        'UNAVAILABLE',
        'NATS lets everybody in here: without FLEET_AUTHORITY_FILE nobody can be shut out',
      );
  }
}

const intervalOf = ({ id, running }: AgentRow): [string, number][] =>
  running ? [[id, running.refreshInterval * 1000]] : [];

/** There is no such agent. */
export function noAgent(id: string): LapwingError {
  return new LapwingError('NOT_FOUND', `no agent "${id}"`, { id });
}
