import {
  LapwingError,
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
import type { Facts } from '../store/agent.store.js';
import type { RegistrationRow } from '../store/registration.store.js';
import { AGENT_LOCK, tokenHash, type AgentsParts, type AgentsService, type Change } from './agents.service.js';
import type { Admission } from './access.service.js';

type Ask = InputOf<typeof agentEnroll>;

const SKEW_MS = 15 * 60_000;
const ASK_AGAIN_MS = 3000;
const REJECTED_MS = 3_600_000;
const MAX_WAITING = 1000;
const FORGOTTEN_MS = 24 * 3_600_000;
const FULL_RETRY_MS = 600_000;

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
    const facts = factsOf(ask, now);
    const lock = { kind: AGENT_LOCK, of: ask.id };
    const { verdict, admission, news, ended, vouched } = await this.parts.schema.exclusive(
      'agent.enroll',
      lock,
      (transaction) => this.#decide(transaction, ask, facts, now),
    );
    if (ended) await this.parts.access.enforce();
    if (news) await this.agents.tell(news);
    if (news?.change === 'approved') await this.#audit(ask, vouched);
    if (verdict.do === 'refuse') throw refusal(verdict, ask.id, now);
    if (verdict.do === 'wait') return { status: verdict.as, id: ask.id, retryAfterMs: ASK_AGAIN_MS };
    if (!admission) throw new Error('admitted without credentials');
    return { status: 'approved', id: ask.id, ...admission };
  }

  /** Those who wait, the oldest first. */
  async waiting(): Promise<Agent[]> {
    await this.parts.registrations.tidy(Date.now() - FORGOTTEN_MS);
    return (await this.parts.registrations.waiting()).map(waitingAgent);
  }

  /** Lets one in who waits. `NOT_FOUND`, `ALREADY_APPROVED`, `AGENT_CLONE`. */
  async approve(id: string): Promise<Agent> {
    const { agents, registrations, credentials, schema } = this.parts;
    const ended = await schema.exclusive('registration.approve', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      const agent = await agents.find(id, transaction);
      const asking = (await registrations.of(transaction, id)).filter(({ state }) => state !== 'rejected');
      if (agent?.state === 'approved') throw asking.length > 0 ? clone(id) : approvedBefore(id);
      // After a quarantine the key that was shut out may come back; a stranger's may not.
      const chosen =
        agent?.state === 'quarantined'
          ? asking.find(({ publicKey }) => publicKey === agent.publicKey)
          : asking.find(({ state }) => state === 'pending');
      if (!chosen) throw asking.length > 0 ? clone(id) : noRegistration(id);
      await agents.approve(transaction, id, chosen, Date.now());
      await registrations.forget(transaction, id, chosen.publicKey);
      return (await credentials.revoke(transaction, id, Date.now(), chosen.publicKey)) > 0;
    });
    if (ended) await this.parts.access.enforce();
    await this.agents.tell({ agentId: id, change: 'approved', status: 'offline', message: `${id} was approved` });
    return this.agents.get(id);
  }

  /** Refuses all who wait under an id, for an hour. `NOT_FOUND`. */
  async reject(id: string): Promise<void> {
    const { registrations, schema } = this.parts;
    await schema.exclusive('registration.reject', { kind: AGENT_LOCK, of: id }, async (transaction) => {
      if ((await registrations.reject(transaction, id, Date.now() + REJECTED_MS)) === 0) throw noRegistration(id);
    });
    await this.agents.tell({ agentId: id, change: 'rejected', status: 'rejected', message: `${id} was rejected` });
  }

  #check({ id, publicKey, machine, time, signature }: Ask): void {
    const skew = time - Date.now();
    if (Math.abs(skew) > SKEW_MS)
      throw new LapwingError(
        'CLOCK_SKEW',
        `the clock of the host is ${Math.round(skew / 1000)} s from that of Lapwing; 900 s are allowed`,
        {
          serverTime: new Date().toISOString(),
        },
      );
    if (!this.parts.access.isProved(publicKey, enrollmentProof({ id, publicKey, machine, time }), signature))
      throw new LapwingError('INVALID_INPUT', '"signature" was not made with the key of "publicKey" over this request');
  }

  async #decide(
    transaction: Transaction,
    ask: Ask,
    facts: Facts,
    now: number,
  ): Promise<{ verdict: Verdict; admission?: Admission; news?: Change; ended?: boolean; vouched: boolean }> {
    const { agents, registrations, credentials, access } = this.parts;
    const [agent, asking] = [await agents.find(ask.id, transaction), await registrations.of(transaction, ask.id)];
    const own = asking.find(({ publicKey }) => publicKey === ask.publicKey);
    const vouched = this.#isVouched(ask);
    const verdict = judge(
      {
        agent: agent ?? null,
        token: await this.#tokenOf(transaction, ask, now),
        vouched,
        registration: own ?? null,
        rival: asking.some(({ publicKey, state }) => publicKey !== ask.publicKey && state !== 'rejected'),
      },
      ask.publicKey,
      now,
    );
    if (verdict.do === 'refuse') return { verdict, vouched };
    if (verdict.do === 'admit') {
      const isNew = agent?.state !== 'approved' || agent.publicKey !== ask.publicKey;
      const ended = isNew && (await credentials.revoke(transaction, ask.id, now, ask.publicKey)) > 0;
      await agents.approve(transaction, ask.id, facts, now);
      await registrations.forget(transaction, ask.id, ask.publicKey);
      const admission = await access.admit(transaction, ask.id, ask.publicKey);
      const how = vouched ? 'is the machine on which Lapwing was started' : 'has used its enrolment token';
      const news: Change = { agentId: ask.id, change: 'approved', status: 'offline', message: `${ask.id} ${how}` };
      return { verdict, admission, ended, vouched, ...(isNew && { news }) };
    }
    if (!own && (await registrations.count(transaction)) >= MAX_WAITING)
      throw new LapwingError('RATE_LIMITED', `${MAX_WAITING} hosts wait to be approved already`, {
        retryAfterMs: FULL_RETRY_MS,
      });
    await registrations.ask(transaction, ask.id, facts, verdict.as);
    if (own?.state === verdict.as) return { verdict, vouched };
    return { verdict, vouched, news: waitingNews(ask.id, verdict.as, facts) };
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
  return { name, hostname, architecture, os, version, machine, address, publicKey, requestedAt: now };
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

function waitingNews(id: string, as: 'pending' | 'quarantined', { address, hostname }: Facts): Change {
  const who = `${hostname} at ${address}`;
  if (as === 'pending')
    return { agentId: id, change: 'requested', status: as, message: `${who} asks to be let in as ${id}` };
  return {
    agentId: id,
    change: 'quarantined',
    status: as,
    message: `${who} asks to be let in as ${id}, and another machine has this id`,
  };
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
const clone = (id: string): LapwingError =>
  new LapwingError(
    'AGENT_CLONE',
    `another machine has the id "${id}": delete that agent first, or give the new one another id`,
    { id },
  );
