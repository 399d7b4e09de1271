import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  covers,
  principalGet,
  principalsChanged,
  securityStatusGet,
  type OutputOf,
  type Principal,
} from '@lapwing/contracts';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

/** How long what is known of a principal counts; with the sweep below, a revocation holds within five seconds. */
const FRESH_MS = 2500;
const SWEEP_MS = 1500;
/** So long a stream goes on while nobody can tell whether its principal still may. */
const UNSURE_MS = 30_000;
/** Whoever needs no credential (recovery mode) has to ask again after so long, and whenever something has changed. */
const OPEN_MS = 900_000;
const MAX_REMEMBERED = 10_000;
const MAX_STREAMS = 100;
const SWEEP_AT_ONCE = 20;

interface Remembered {
  principal: Promise<Principal | null>;
  until: number;
}

/** A stream that ends with its principal. */
interface Watched {
  /** Null for a caller without a credential. */
  hash: string | null;
  /** Whose streams count together: those of a credential, else those from an address. */
  by: string;
  permission: string;
  sureAt: number;
  end: () => void;
}

/** Knows who is behind a credential, for some seconds, and ends streams whose principal has ended. */
export class PrincipalsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #remembered = new Map<string, Remembered>();
  readonly #watched = new Set<Watched>();
  #state: { value: Promise<OutputOf<typeof securityStatusGet>>; until: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly bus: Bus) {}

  onApplicationBootstrap(): void {
    this.bus.listen(principalsChanged, '*', () => {
      this.#remembered.clear();
      this.#state = undefined;
      for (const watched of this.#watched) if (watched.hash === null) this.#end(watched);
      void this.#sweep();
    });
    this.#timer = setInterval(() => void this.#sweep(), SWEEP_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /**
   * Who is behind the hash of a credential; null for nobody.
   * @throws LapwingError `UNAVAILABLE` or `TIMEOUT` when that cannot be told: then nobody may pass.
   */
  async resolve(hash: string): Promise<Principal | null> {
    const now = Date.now();
    const known = this.#remembered.get(hash);
    if (known && known.until > now) return stillThere(await known.principal);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#forgetOldest();
    const principal = this.bus.request(principalGet, { hash }).then((answer) => answer.principal);
    const remembered = { principal, until: now + FRESH_MS };
    this.#remembered.delete(hash);
    this.#remembered.set(hash, remembered);
    try {
      return stillThere(await principal);
    } catch (error) {
      if (this.#remembered.get(hash) === remembered) this.#remembered.delete(hash);
      throw error;
    }
  }

  /** How the server is protected, as of some seconds ago at most. */
  state(): Promise<OutputOf<typeof securityStatusGet>> {
    if (!this.#state || this.#state.until <= Date.now()) {
      const value = this.bus.request(securityStatusGet, {});
      this.#state = { value, until: Date.now() + FRESH_MS };
      value.catch(() => (this.#state = undefined));
    }
    return this.#state.value;
  }

  /** Whether a credential was looked at within the last seconds. */
  remembers(hash: string): boolean {
    return (this.#remembered.get(hash)?.until ?? 0) > Date.now();
  }

  /**
   * Calls `end` when the principal of a credential is no more, or no longer holds the permission.
   * @param address where a caller without a credential comes from.
   * @returns what ends the watch.
   * @throws LapwingError `RATE_LIMITED` for more streams than one credential may have.
   */
  watch(hash: string | null, permission: string, end: () => void, address = ''): () => void {
    const by = hash ?? address;
    const own = [...this.#watched].filter((watched) => watched.by === by).length;
    if (own >= MAX_STREAMS)
      throw new LapwingError('RATE_LIMITED', `at most ${MAX_STREAMS} streams with one credential`);
    const watched = { hash, by, permission, sureAt: Date.now(), end };
    this.#watched.add(watched);
    return () => this.#watched.delete(watched);
  }

  async #sweep(): Promise<void> {
    const all = [...this.#watched];
    for (let at = 0; at < all.length; at += SWEEP_AT_ONCE)
      await Promise.all(all.slice(at, at + SWEEP_AT_ONCE).map((watched) => this.#look(watched)));
  }

  async #look(watched: Watched): Promise<void> {
    const now = Date.now();
    if (watched.hash === null) {
      if (now - watched.sureAt > OPEN_MS) this.#end(watched);
      return;
    }
    try {
      const principal = await this.resolve(watched.hash);
      if (principal && covers(principal.permissions, watched.permission)) watched.sureAt = now;
      else this.#end(watched);
    } catch (error) {
      if (!(error instanceof LapwingError) || now - watched.sureAt > UNSURE_MS) this.#end(watched);
    }
  }

  #end(watched: Watched): void {
    if (this.#watched.delete(watched)) watched.end();
  }

  #forgetOldest(): void {
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function stillThere(principal: Principal | null): Principal | null {
  return principal && (principal.expiresAt === null || principal.expiresAt > Date.now()) ? principal : null;
}
