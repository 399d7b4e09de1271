import { BusAuthority, isSignedBy, type AuthorityKeys } from '@lapwing/bus';
import type { Statements } from '@lapwing/postgres';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { CredentialStore } from '../store/credential.store.js';

const DAY_MS = 86_400_000;
const RECONCILE_MS = 60_000;
const RETRY_MS = 2000;

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
  #enforcing: Promise<number> = Promise.resolve(0);

  constructor(
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

  /** Makes credentials for a key, and notes that they are out. */
  async admit(statements: Statements, agentId: string, publicKey: string): Promise<Admission> {
    const { agentServers: servers, credentialDays } = this.options;
    if (!this.#authority) return { jwt: null, expiresAt: null, servers };
    const expiresAt = Date.now() + credentialDays * DAY_MS;
    await this.credentials.issue(statements, agentId, publicKey, expiresAt);
    const revokedAt = await this.credentials.revokedAt(statements, publicKey);
    return { jwt: await this.#authority.admit(agentId, publicKey, expiresAt, revokedAt), expiresAt, servers };
  }

  /** Whether somebody holds the key that he says. */
  isProved(publicKey: string, text: string, signature: string): boolean {
    return isSignedBy(publicKey, text, signature);
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

  /** One after the other, so that the newest list is the last that is told. */
  #enforceOnce(authority: BusAuthority): Promise<number> {
    const run = async (): Promise<number> => authority.enforce(await this.credentials.revocations(Date.now()));
    this.#enforcing = this.#enforcing.then(run, run);
    return this.#enforcing;
  }

  /** Servers that were away when they were told are told again. */
  #plan(after: number): void {
    if (!this.#authority) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#reconcile(), after).unref();
  }

  async #reconcile(): Promise<void> {
    let next = RECONCILE_MS;
    try {
      await this.credentials.tidy(Date.now());
      if (this.#authority) await this.#enforceOnce(this.#authority);
    } catch (error) {
      next = RETRY_MS;
      this.#log.debug({ error: describeError(error) }, 'the servers do not know yet who is revoked');
    }
    if (this.#timer) this.#plan(next);
  }
}
