import { BusAuthority, type AuthorityKeys } from '@lapwing/bus';
import { LapwingError } from '@lapwing/contracts';
import type { Schema, Statements } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { CredentialStore } from '../store/credential.store.js';

const DAY_MS = 86_400_000;
const RECONCILE_MS = 60_000;
const RETRY_MS = 2000;
const ENFORCE_LOCK = 7_524_612;
/** Signing takes a millisecond, and waits a second at most for a new one to begin. */
const SIGNING_MS = 2500;

/** What access is told. */
export interface AccessOptions {
  /** NATS, as fleet reaches it. */
  servers: string;
  /** NATS, as agents reach it. */
  agentServers: string[];
  /** Missing where NATS lets everybody in. */
  keys: AuthorityKeys | undefined;
  credentialDays: number;
}

/** Credentials that are about to be made. Times in milliseconds since 1970. */
export interface Reservation {
  agentId: string;
  publicKey: string;
  /** They must be newer than this, and not newer than `issuedBefore`. */
  revokedAt: number;
  issuedBefore: number;
  expiresAt: number;
}

/** What an agent needs to connect. */
export interface Admission {
  jwt: string | null;
  expiresAt: number | null;
  servers: string[];
}

/** Gives agents their credentials, and sees to it that every NATS server knows which are void. */
export class AccessService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('fleet', 'access');
  readonly #authority: BusAuthority | undefined;
  #timer: NodeJS.Timeout | undefined;
  #enforcing: Promise<void> = Promise.resolve();
  /** The push that has not begun yet. */
  #next: Promise<void> | undefined;
  /** The most servers that have ever confirmed. */
  #servers = 0;

  constructor(
    private readonly schema: Schema,
    private readonly credentials: CredentialStore,
    private readonly options: AccessOptions,
  ) {
    if (options.keys) this.#authority = new BusAuthority(options.servers, options.keys);
    else this.#log.warn('NATS lets everybody in: agents need no credentials, and revoking them has no effect');
  }

  /** Whether NATS lets everybody in. */
  get isOpen(): boolean {
    return this.#authority === undefined;
  }

  onApplicationBootstrap(): void {
    this.#plan(RETRY_MS);
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#enforcing.catch(() => {});
    await this.#authority?.stop();
  }

  /**
   * Notes that a key is about to get credentials: from then on a revocation reaches them, too.
   * @throws LapwingError `INVALID_INPUT` when the key is another agent's.
   */
  async reserve(statements: Statements, agentId: string, publicKey: string): Promise<Reservation> {
    const revokedAt = (await this.credentials.revokedAt(statements, publicKey)) ?? 0;
    const issuedBefore = Math.max(Date.now(), revokedAt) + SIGNING_MS;
    const expiresAt = Date.now() + this.options.credentialDays * DAY_MS;
    if (!(await this.credentials.issue(statements, { agentId, publicKey, issuedAt: issuedBefore, expiresAt })))
      throw new LapwingError('INVALID_INPUT', '"publicKey" is the key of another agent: each makes its own');
    return { agentId, publicKey, revokedAt, issuedBefore, expiresAt };
  }

  /** Makes the credentials that were reserved. `UNAVAILABLE` when that takes so long that a revocation could miss them. */
  async admit({ agentId, publicKey, revokedAt, issuedBefore, expiresAt }: Reservation): Promise<Admission> {
    const { agentServers: servers } = this.options;
    if (!this.#authority) return { jwt: null, expiresAt: null, servers };
    const { jwt, issuedAt } = await this.#authority.admit(agentId, publicKey, expiresAt, revokedAt);
    if (issuedAt > issuedBefore) throw new LapwingError('UNAVAILABLE', 'making credentials took too long: try again');
    return { jwt, expiresAt, servers };
  }

  /**
   * Makes the servers know which credentials are void; live connections of those are cut.
   * @throws LapwingError `UNAVAILABLE` when no server has confirmed; it is tried again until one has.
   */
  async enforce(): Promise<void> {
    if (!this.#authority) return;
    try {
      await this.#enforceOnce(this.#authority);
    } catch (error) {
      this.#plan(RETRY_MS);
      throw error;
    }
  }

  /** One push after the other. Whoever wants one while another is under way shares the next: it reads the list when it begins. */
  #enforceOnce(authority: BusAuthority): Promise<void> {
    this.#next ??= this.#enforcing
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#push(authority);
      });
    this.#enforcing = this.#next;
    return this.#next;
  }

  /** One after the other over all replicas, too, so that what is told last is the newest list. Where fewer servers confirm than are known, again soon. */
  #push(authority: BusAuthority): Promise<void> {
    return this.schema.exclusive('access.enforce', { kind: ENFORCE_LOCK }, async (transaction) => {
      const revocations = await this.credentials.revocations(transaction, Date.now());
      const { confirmed, refused } = await authority.enforce(revocations);
      if (refused > 0 || confirmed < this.#servers) this.#plan(RETRY_MS);
      this.#servers = Math.max(this.#servers, confirmed);
    });
  }

  /** Servers that were away when they were told are told again. */
  #plan(after: number): void {
    if (!this.#authority) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#reconcile(), after).unref();
  }

  async #reconcile(): Promise<void> {
    if (!this.#timer) return;
    this.#plan(RECONCILE_MS);
    try {
      await this.credentials.tidy(Date.now());
      if (this.#authority) await this.#enforceOnce(this.#authority);
    } catch (error) {
      this.#log.debug({ error: describeError(error) }, 'the servers do not know yet who is revoked');
      if (this.#timer) this.#plan(RETRY_MS);
    }
  }
}
