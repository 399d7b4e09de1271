import { isAway } from '@lapwing/contracts';
import type { SecretKey } from '@lapwing/service';
import { createLogger, describeError } from '@lapwing/telemetry';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { LicenseRow, LicenseStore } from '../store/license.store.js';
import type { LicenseServer } from './license-server.js';
import { SEALED_FOR } from './license.service.js';

/** A licence of a server is asked for again after so long. */
const DAY_MS = 86_400_000;
/** How often it is looked whether the time has come. */
const LOOK_MS = 600_000;
/** A server that is away is asked again after so long, twice as long each time, up to an hour. */
const RETRY_MS = 60_000;
const MAX_RETRY_MS = 3_600_000;

/** See {@link LicenseRenewalService}. */
export interface RenewalParts {
  store: LicenseStore;
  /** Undefined where none is configured: then nothing is asked, and what is held holds until its end. */
  server: LicenseServer | undefined;
  key: SecretKey;
  /** Milliseconds since 1970. */
  clock: () => number;
}

/**
 * Asks the licence server once a day whether it still vouches for the licence that is held. While it is away, its last answer holds, however
 * long that takes.
 */
export class LicenseRenewalService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = createLogger('updates', 'licence renewal');
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #problem: string | undefined;

  /** @param firstMs after how many milliseconds it looks for the first time. */
  constructor(
    private readonly parts: RenewalParts,
    private readonly firstMs = RETRY_MS,
  ) {}

  onApplicationBootstrap(): void {
    if (this.parts.server) this.#wait(this.firstMs);
  }

  onModuleDestroy(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Why the licence could not be asked for again, and since when, in words; undefined where all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** How often in a row it could not be asked for; each time makes the pause before the next longer. */
  get failures(): number {
    return this.#failures;
  }

  /** After how many milliseconds it looks again. */
  get pauseMs(): number {
    return this.#failures === 0 ? LOOK_MS : Math.min(RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS);
  }

  /** Asks, when the time has come. Never throws. */
  async renew(): Promise<void> {
    try {
      const row = await this.parts.store.held();
      const now = this.parts.clock();
      // The clock may have been set back since.
      if (row?.source === 'server' && row.sealedKey && Math.abs(now - row.verifiedAt) >= DAY_MS)
        await this.#ask(row, row.sealedKey, now);
      else this.#went();
    } catch (error) {
      // The database is away, or it is a fault of ours: what is held stays as it is.
      if (!isAway(error)) this.#log.error({ error: describeError(error) }, 'the licence was not asked for again');
    }
  }

  async #ask(row: LicenseRow, sealed: Buffer, now: number): Promise<void> {
    const key = this.#opened(sealed);
    if (key === undefined)
      return this.#failed('the key of the licence was sealed with another secret key: validate it again', row);
    let expiresAt: number | null | undefined;
    try {
      expiresAt = await this.parts.server?.ask(row.email, key);
    } catch (error) {
      if (!isAway(error)) throw error;
      return this.#failed((error as Error).message, row);
    }
    if (expiresAt === undefined) return;
    const valid = expiresAt !== null;
    await this.parts.store.note(row.keyHash, { valid, updatesExpireAt: expiresAt ?? undefined, verifiedAt: now });
    if (valid !== row.valid) this.#log.warn({ valid }, 'the licence server has changed its mind');
    this.#went();
  }

  #opened(sealed: Buffer): string | undefined {
    try {
      return this.parts.key.open(SEALED_FOR, sealed);
    } catch {
      return undefined;
    }
  }

  #failed(reason: string, { verifiedAt }: LicenseRow): void {
    const since = new Date(verifiedAt).toISOString();
    if (this.#problem === undefined) this.#log.warn({ reason, since }, 'the licence could not be asked for again');
    this.#problem = `${reason}; what was said last holds, of ${since}`;
    this.#failures++;
  }

  #went(): void {
    if (this.#problem !== undefined) this.#log.info('the licence server answers again');
    this.#problem = undefined;
    this.#failures = 0;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => void this.#turn(), ms);
    this.#timer.unref();
  }

  async #turn(): Promise<void> {
    await this.renew();
    if (this.#timer !== undefined) this.#wait(this.pauseMs);
  }
}
