import { isSignedBy } from '@lapwing/bus';
import {
  LapwingError,
  addressBlock,
  auditOccurred,
  enrollmentProof,
  type Agent,
  type Enrolled,
  type InputOf,
  type agentEnroll,
} from '@lapwing/contracts';
import type { Transaction } from '@lapwing/postgres';
import type { Secret } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { judge, type Verdict } from '../domain/admission.js';
import type { AgentRow, Facts } from '../store/agent.store.js';
import type { RegistrationRow } from '../store/registration.store.js';
import { AGENT_LOCK, tokenHash, type AgentsParts, type AgentsService, type Change } from './agents.service.js';
import type { Reservation } from './access.service.js';

type Ask = InputOf<typeof agentEnroll>;

const SKEW_MS = 15 * 60_000;
/** Whoever waits asks often at first, when somebody may sit before it, and later more rarely. */
const ASK_AGAIN_MS = [3000, 15_000];
const AT_FIRST_MS = 300_000;
const REJECTED_MS = 3_600_000;
const MAX_WAITING = 1000;
const MAX_NEAR = 200;
const MAX_ALIKE = 5;
/** Whoever wants to be let in asks every few seconds. */
const STALE_MS = 600_000;
const FORGOTTEN_MS = 24 * 3_600_000;
const FULL_RETRY_MS = 600_000;

/** What was decided about somebody who asks, and what follows from it once it is kept. */
interface Decision {
  verdict: Verdict;
  vouched: boolean;
  reservation?: Reservation;
  news?: Change;
  /** Whether earlier credentials of this id have ended. */
  ended?: boolean;
  /** After how many milliseconds somebody who waits may ask again. */
  again?: number;
}

type Counts = { all: number; near: number; alike: number };
const isFull = ({ all, near, alike }: Counts): boolean => alike >= MAX_ALIKE || near >= MAX_NEAR || all >= MAX_WAITING;

/** The agent that the launcher of this machine vouches for. */
export interface Vouched {
  id: string | undefined;
  token: Secret | undefined;
}

/** Lets agents in, or not. */
export class EnrollmentService {
  readonly #log = createLogger('fleet', 'enrollment');

  constructor(
    private readonly parts: AgentsParts,
    private readonly agents: AgentsService,
    private readonly vouched: Vouched,
  ) {}

  /** Hears somebody who asks to be let in, or for new credentials. */
  async enroll(ask: Ask): Promise<Enrolled> {
    this.#check(ask);
    const now = Date.now();
    const decision = await this.parts.schema.exclusive(
      'agent.enroll',
      { kind: AGENT_LOCK, of: ask.id },
      (transaction) => this.#decide(transaction, ask, factsOf(ask, now), now),
    );
    const { verdict, reservation, news, ended, vouched, again = 0 } = decision;
    try {
      if (ended) await this.parts.access.enforce();
    } finally {
      if (news) await this.agents.tell(news);
      if (news?.change === 'approved') await this.#audit(ask, vouched);
    }
    if (verdict.do === 'refuse') throw refusal(verdict, ask.id, now);
    if (verdict.do === 'wait') return { status: verdict.as, id: ask.id, retryAfterMs: again };
    if (!reservation) throw new Error('admitted without credentials');
    return { status: 'approved', id: ask.id, ...(await this.parts.access.admit(reservation)) };
  }

  /** Those who wait, the oldest first. */
  async waiting(): Promise<Agent[]> {
    const now = Date.now();
    await this.parts.registrations.tidy(this.parts.schema.plain('registration.tidy'), now - FORGOTTEN_MS, now);
    return (await this.parts.registrations.waiting()).map(waitingAgent);
  }

  /**
   * Lets one in who waits. `NOT_FOUND`, `ALREADY_APPROVED`, `AGENT_CLONE`.
   * @param fingerprint which of several who wait under this id.
   */
  async approve(id: string, fingerprint: string | undefined): Promise<Agent> {
    const { agents, registrations, credentials, access, schema } = this.parts;
    const ended = await schema.exclusive('registration.approve', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      const agent = await agents.find(id, transaction);
      const chosen = choose(id, agent, await registrations.waitingFor(transaction, id), fingerprint);
      const now = Date.now();
      await agents.approve(transaction, id, chosen, now);
      await registrations.forget(transaction, id, chosen.publicKey);
      await registrations.quarantine(transaction, id);
      await access.reserve(transaction, id, chosen.publicKey);
      return (await credentials.revoke(transaction, id, now, chosen.publicKey)) > 0;
    });
    try {
      if (ended) await access.enforce();
    } finally {
      await this.agents.tell({ agentId: id, change: 'approved', status: 'offline', message: `${id} was approved` });
    }
    return this.agents.get(id);
  }

  /** Refuses all who wait under an id, or one of them, for an hour. `NOT_FOUND`. */
  async reject(id: string, fingerprint: string | undefined): Promise<void> {
    const { agents, registrations, schema } = this.parts;
    const until = Date.now() + REJECTED_MS;
    const known = await schema.exclusive('registration.reject', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      if ((await registrations.reject(transaction, id, fingerprint ?? null, until)) === 0) throw noRegistration(id);
      return agents.find(id, transaction);
    });
    const status = known ? null : 'rejected';
    await this.agents.tell({
      agentId: id,
      change: 'rejected',
      status,
      message: `somebody who asked for ${id} was rejected`,
    });
  }

  #check({ id, publicKey, machine, time, signature }: Ask): void {
    const skew = time - Date.now();
    if (Math.abs(skew) > SKEW_MS)
      throw new LapwingError(
        'CLOCK_SKEW',
        `the clock of the host is ${Math.round(skew / 1000)} s from that of Lapwing; 900 s are allowed`,
        { serverTime: new Date().toISOString() },
      );
    if (!isSignedBy(publicKey, enrollmentProof({ id, publicKey, machine, time }), signature))
      throw new LapwingError('INVALID_INPUT', '"signature" was not made with the key of "publicKey" over this request');
  }

  async #decide(transaction: Transaction, ask: Ask, facts: Facts, now: number): Promise<Decision> {
    const { agents, registrations, credentials, access } = this.parts;
    const { id, publicKey } = ask;
    const agent = await agents.find(id, transaction);
    const own = await registrations.find(transaction, id, publicKey);
    const others = await registrations.count(transaction, facts.block, id);
    const vouched = this.#isVouched(ask);
    const token = await this.#tokenOf(transaction, ask, now);
    const rival = others.alike > (own && own.state !== 'rejected' ? 1 : 0);
    const known = { agent: agent ?? null, token, vouched, registration: own ?? null, rival };
    const verdict = judge(known, publicKey, now);
    if (verdict.do === 'refuse') return { verdict, vouched };
    if (verdict.do === 'admit') {
      const isNew = agent?.state !== 'approved' || agent.publicKey !== publicKey;
      const ended = isNew && (await credentials.revoke(transaction, id, now, publicKey)) > 0;
      await agents.approve(transaction, id, facts, now);
      await registrations.forget(transaction, id, publicKey);
      await registrations.quarantine(transaction, id);
      const reservation = await access.reserve(transaction, id, publicKey);
      return { verdict, vouched, reservation, ended, ...(isNew && { news: enteredNews(id, vouched) }) };
    }
    if (!own && isFull(others)) {
      await registrations.tidy(transaction, now - STALE_MS, now);
      this.#wantRoom(await registrations.count(transaction, facts.block, id));
    }
    await registrations.ask(transaction, id, facts, verdict.as);
    const [often, rarely] = ASK_AGAIN_MS;
    const again = now - (own?.requestedAt ?? now) < AT_FIRST_MS ? often : rarely;
    if (own?.state === verdict.as) return { verdict, vouched, again };
    return { verdict, vouched, again, news: waitingNews(id, verdict.as, facts, agent !== undefined) };
  }

  /** Nobody is known who asks, so anybody could: what is kept of them has bounds. */
  #wantRoom({ all, near, alike }: Counts): void {
    const [what, limit] =
      alike >= MAX_ALIKE
        ? ['for this id', MAX_ALIKE]
        : near >= MAX_NEAR
          ? ['from this address', MAX_NEAR]
          : all >= MAX_WAITING
            ? ['in all', MAX_WAITING]
            : [undefined, 0];
    if (what !== undefined)
      throw new LapwingError('RATE_LIMITED', `${limit} hosts ask to be let in already ${what}`, {
        retryAfterMs: FULL_RETRY_MS,
      });
  }

  /** Nobody approved it just now: the trail must tell all the same that somebody came in. */
  async #audit({ id, address }: Ask, vouched: boolean): Promise<void> {
    const eventId = randomUUID();
    const actor = { name: `agent:${id}`, userId: null, address };
    const fact = { type: 'agent', action: 'enrolled', target: id, details: { by: vouched ? 'launcher' : 'token' } };
    await this.parts.bus
      .publish(auditOccurred, 'fleet', { ...fact, eventId, time: Date.now(), actor }, eventId)
      .catch((error: unknown) => this.#log.error({ error: describeError(error), id }, 'not in the audit trail'));
  }

  async #tokenOf(transaction: Transaction, { id, token }: Ask, now: number): Promise<'good' | 'bad' | null> {
    if (token === undefined) return null;
    return (await this.parts.agents.hasToken(transaction, id, tokenHash(token), now)) ? 'good' : 'bad';
  }

  #isVouched({ id, token }: Ask): boolean {
    const { id: local, token: expected } = this.vouched;
    return id === local && token !== undefined && expected !== undefined
      ? timingSafeEqual(tokenHash(token), tokenHash(expected.reveal()))
      : false;
  }
}

function factsOf(ask: Ask, now: number): Facts {
  const { id, name = id, hostname, architecture, os, version, machine, address, publicKey } = ask;
  return {
    name,
    hostname,
    architecture,
    os,
    version,
    machine,
    address,
    publicKey,
    requestedAt: now,
    block: addressBlock(address),
  };
}

function waitingAgent(row: RegistrationRow): Agent {
  const { agentId: id, name, hostname, architecture, os, version, address, publicKey, requestedAt, state } = row;
  const never = { lastSeenAt: null, registeredAt: null, running: null, override: {} };
  return {
    id,
    name,
    hostname,
    architecture,
    os,
    version,
    status: state,
    requestedAt,
    address,
    fingerprint: publicKey,
    ...never,
  };
}

/** Which of those who wait is let in. Throws what keeps it from being done. */
function choose(
  id: string,
  agent: AgentRow | undefined,
  waiting: RegistrationRow[],
  fingerprint: string | undefined,
): RegistrationRow {
  if (agent?.state === 'approved') throw waiting.length > 0 ? clone(id, waiting) : approvedBefore(id);
  if (agent?.state === 'revoked')
    throw new LapwingError('AGENT_REVOKED', `agent "${id}" was revoked: delete it first`, { id });
  const chosen = fingerprint === undefined ? waiting : waiting.filter(({ publicKey }) => publicKey === fingerprint);
  const [only, ...others] = chosen;
  if (!only) throw noRegistration(id);
  // After a quarantine the key that was shut out may come back; a stranger's must be named.
  const isOwn = agent?.state !== 'quarantined' || agent.publicKey === only.publicKey || fingerprint !== undefined;
  if (others.length > 0 || !isOwn) throw clone(id, waiting);
  return only;
}

function enteredNews(id: string, vouched: boolean): Change {
  const how = vouched ? 'is the machine on which Lapwing was started' : 'has used its enrolment token';
  return { agentId: id, change: 'approved', status: 'offline', message: `${id} ${how}` };
}

/** @param isTaken whether there is an agent of this id, of which nothing changes. */
function waitingNews(id: string, as: 'pending' | 'quarantined', facts: Facts, isTaken: boolean): Change {
  const asks = `${facts.hostname} at ${facts.address} asks to be let in as ${id}`;
  const status = isTaken ? null : as;
  if (as === 'pending') return { agentId: id, change: 'requested', status, message: asks };
  return { agentId: id, change: 'quarantined', status, message: `${asks}, and another machine has this id` };
}

function refusal(verdict: Extract<Verdict, { do: 'refuse' }>, id: string, now: number): LapwingError {
  if (verdict.code === 'AGENT_REVOKED')
    return new LapwingError(
      'AGENT_REVOKED',
      `agent "${id}" was revoked: an administrator must delete it before it can enrol again`,
      { id },
    );
  if (verdict.code === 'AGENT_REJECTED')
    return new LapwingError('AGENT_REJECTED', `agent "${id}" was rejected`, { id, retryAfterMs: verdict.until - now });
  return new LapwingError(
    'ENROLLMENT_TOKEN_INVALID',
    `no such enrolment token for "${id}", or it was used, or is too old`,
    { id },
  );
}

const noRegistration = (id: string): LapwingError =>
  new LapwingError('NOT_FOUND', `nobody waits to be let in as "${id}"`, { id });
const approvedBefore = (id: string): LapwingError =>
  new LapwingError('ALREADY_APPROVED', `agent "${id}" is approved already`, { id });
const clone = (id: string, waiting: RegistrationRow[]): LapwingError =>
  new LapwingError(
    'AGENT_CLONE',
    `several machines have the id "${id}": say which is meant by its fingerprint, delete the agent that has it, or give the new one another id`,
    { id, fingerprints: waiting.map(({ publicKey }) => publicKey) },
  );
