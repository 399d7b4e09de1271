import { AgentKey, lifeOf, type Door } from '@lapwing/bus';
import { Enrolled, enrollmentProof, type AgentFacts, type ErrorCode } from '@lapwing/contracts';
import { postJson } from '@lapwing/outgoing/post';
import type { Secret } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { allowsHttp } from '../domain/plain-http.js';
import { JsonFile } from '../store/json-file.js';

const Identity = z.object({
  agentId: z.string(),
  seed: z.string(),
  /** The machine on which the key was made. */
  machine: z.string(),
  jwt: z.string().nullable(),
  servers: z.array(z.string()),
  /** SHA-256 of an enrolment token that has done its work, or never will. */
  spentToken: z.string().optional(),
});
type Identity = z.infer<typeof Identity>;

/** What the enrolment is told. */
export interface EnrollmentOptions {
  agentId: string;
  name: string | undefined;
  folder: string;
  facts: AgentFacts;
  /** Where Lapwing is; undefined where NATS lets everybody in. */
  url: string | undefined;
  token: Secret | undefined;
  /** Whether plain http is good enough for hosts other than this one. */
  allowHttp: boolean;
  /** NATS, where no enrolment is needed. */
  natsUrl: string;
}

const RETRY_MS = [250, 500, 1000, 2000, 5000, 10_000, 30_000];
const RENEW_LOOK_MS = 600_000;
const REVOKED_MS = 60_000;
const LOOK_AGAIN_MS = 5000;
/** Somebody may have changed his mind. */
const MAX_WAIT_MS = 300_000;
const AWAY: string[] = ['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'] satisfies ErrorCode[];
const Refusal = z.object({ code: z.string(), error: z.string() });

/**
 * Gets this host let in: makes a key that never leaves it, asks until somebody has approved, keeps what it gets, and renews it in
 * time. Whoever copies the disk to another machine gets a key of his own there, and must ask anew.
 */
export class EnrollmentService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('collector', 'enrollment');
  readonly #file: JsonFile<Identity>;
  readonly #stopping = new AbortController();
  #identity: Identity | undefined;
  #asking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #told = '';
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: EnrollmentOptions) {
    this.#file = new JsonFile(path.join(options.folder, 'identity.json'), (value) => Identity.parse(value));
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.options.url === undefined) return;
    this.#identity = await this.#ownIdentity();
    if (this.#renewable()) this.#ask();
    this.#timer = setInterval(() => {
      if (this.#renewable()) this.#ask();
    }, RENEW_LOOK_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#asking;
  }

  /** The way to NATS; undefined until this host was let in, and when it was shut out. */
  door(): Door | undefined {
    const { url, natsUrl } = this.options;
    if (url === undefined) return { servers: natsUrl, credentials: null };
    if (!this.#identity || this.#identity.servers.length === 0) return undefined;
    const { servers, seed, jwt } = this.#identity;
    const host = new URL(url).hostname;
    const reachable = servers.map((server) => server.replace('{host}', host)).join(',');
    return { servers: reachable, credentials: jwt === null ? null : { jwt, seed } };
  }

  /** NATS has refused the credentials, or is not where it was: asks what has become of them. */
  lookAgain(): void {
    if (performance.now() - this.#lookedAt < LOOK_AGAIN_MS) return;
    this.#lookedAt = performance.now();
    this.#ask();
  }

  async #ownIdentity(): Promise<Identity> {
    const { agentId, facts } = this.options;
    const known = await this.#file.read();
    if (known?.agentId === agentId && known.machine === facts.machine) return known;
    if (known)
      this.#log.warn({ was: known.agentId }, 'the identity on disk is of another machine or agent: made a new one');
    const spent = known?.spentToken === undefined ? {} : { spentToken: known.spentToken };
    const identity = {
      agentId,
      seed: AgentKey.create().seed,
      machine: facts.machine,
      jwt: null,
      servers: [],
      ...spent,
    };
    await this.#file.write(identity);
    return identity;
  }

  /** Whether there are no credentials yet, or the greater part of their life is over. */
  #renewable(): boolean {
    if (!this.#identity || this.#identity.servers.length === 0) return true;
    if (this.#identity.jwt === null) return false;
    const { issuedAt, expiresAt } = lifeOf(this.#identity.jwt);
    return expiresAt !== null && Date.now() > (issuedAt + expiresAt) / 2;
  }

  #ask(): void {
    if (this.options.url === undefined) return;
    this.#asking ??= this.#askUntilAnswered().finally(() => (this.#asking = undefined));
  }

  async #askUntilAnswered(): Promise<void> {
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      let wait = (RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0) * (0.75 + Math.random() / 2);
      try {
        const result = await this.#enroll();
        if (result === 'approved') return;
        wait = result;
      } catch (error) {
        this.#tell('warn', `Lapwing at ${this.options.url} cannot be asked: ${describeError(error).message}`);
      }
      await pause(wait, undefined, { signal: this.#stopping.signal }).catch(() => {});
    }
  }

  /** Asks once. Returns `approved`, or after how many milliseconds to ask again. */
  async #enroll(): Promise<'approved' | number> {
    const identity = this.#identity;
    if (!identity) return RETRY_MS[0] ?? 0;
    const { text, retryAfterMs: told = 0 } = await postJson(
      `${this.options.url?.replace(/\/+$/, '')}/api/v1/agents/enroll`,
      this.#question(identity),
      {
        reach: 'private',
        deadlineMs: 15_000,
        maxBytes: 65_536,
        http: allowsHttp(this.options.url ?? '', this.options.allowHttp),
        headers: { 'user-agent': `lapwing-agent/${this.options.facts.version}` },
      },
    );
    const body: unknown = JSON.parse(text);
    const enrolled = Enrolled.safeParse(body);
    if (!enrolled.success) return this.#refuse(identity, Refusal.parse(body), told);
    if (enrolled.data.status !== 'approved') {
      const { status, retryAfterMs } = enrolled.data;
      await this.#shutOut(identity);
      const pending = status === 'pending' ? 'waits to be approved' : 'is in quarantine: another machine has this id';
      this.#tell('info', `this host (${identity.agentId}, key ${AgentKey.from(identity.seed).publicKey}) ${pending}`);
      return retryAfterMs;
    }
    await this.#keep({ ...this.#withSpentToken(identity), jwt: enrolled.data.jwt, servers: enrolled.data.servers });
    this.#tell('info', `this host is let in as ${identity.agentId}`);
    return 'approved';
  }

  #question({ agentId: id, seed, spentToken }: Identity): Record<string, unknown> {
    const { name, facts } = this.options;
    const token = this.options.token && hashOf(this.options.token) !== spentToken ? this.options.token : undefined;
    const key = AgentKey.from(seed);
    const ask = { id, publicKey: key.publicKey, machine: facts.machine, time: Date.now() };
    return { ...facts, ...ask, name, token: token?.reveal(), signature: key.sign(enrollmentProof(ask)) };
  }

  /** @returns after how many milliseconds to ask again. */
  async #refuse(identity: Identity, { code, error }: z.infer<typeof Refusal>, retryAfterMs: number): Promise<number> {
    // It is only starting, or a part of it is away.
    if (AWAY.includes(code)) throw new Error(error);
    this.#tell('warn', `Lapwing refuses this host: ${error}`);
    const shutOut: ErrorCode[] = ['AGENT_REVOKED', 'AGENT_REJECTED', 'ENROLLMENT_TOKEN_INVALID'];
    if (shutOut.includes(code as ErrorCode)) await this.#shutOut(identity);
    if (code === 'ENROLLMENT_TOKEN_INVALID' && this.#identity) await this.#keep(this.#withSpentToken(this.#identity));
    return Math.min(Math.max(retryAfterMs, code === 'AGENT_REVOKED' ? REVOKED_MS : LOOK_AGAIN_MS), MAX_WAIT_MS);
  }

  /** Credentials that are void must not be tried over and over. */
  async #shutOut(identity: Identity): Promise<void> {
    if (identity.servers.length > 0) await this.#keep({ ...identity, jwt: null, servers: [] });
  }

  /** A token is good once: it is not sent again. */
  #withSpentToken(identity: Identity): Identity {
    const { token } = this.options;
    return token ? { ...identity, spentToken: hashOf(token) } : identity;
  }

  async #keep(identity: Identity): Promise<void> {
    this.#identity = identity;
    await this.#file.write(identity);
  }

  /** The same news again is no news. */
  #tell(level: 'info' | 'warn', text: string): void {
    if (text === this.#told) return;
    this.#told = text;
    this.#log[level](text);
  }
}

const hashOf = (token: Secret): string => createHash('sha256').update(token.reveal()).digest('hex');
