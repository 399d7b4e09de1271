import { LapwingError, commonPermissions, type Principal } from '@lapwing/contracts';
import type { SessionStore } from '../store/session.store.js';
import type { TokenStore } from '../store/token.store.js';
import { publicUser, type UserStore } from '../store/user.store.js';

/** Finds out whom a credential stands for. */
export class PrincipalsService {
  constructor(
    private readonly sessions: SessionStore,
    private readonly tokens: TokenStore,
    private readonly users: UserStore,
    private readonly clock: () => number,
  ) {}

  /**
   * The principal behind the hash of a credential; null when it is nobody's, or not any more.
   * @throws LapwingError `UNAVAILABLE` when that cannot be told for sure.
   */
  async resolve(hash: string): Promise<Principal | null> {
    const [session, token] = await Promise.all([
      this.#session(hash).catch(awayOnly),
      this.tokens.use(hash, this.clock()),
    ]);
    if (token) return this.#token(token);
    if (session instanceof LapwingError) throw session;
    return session;
  }

  async #session(hash: string): Promise<Principal | null> {
    const session = await this.sessions.get(hash);
    if (!session || session.expiresAt <= this.clock()) return null;
    const user = await this.users.byId(session.userId);
    if (!user || user.disabled || user.epoch !== session.epoch) return null;
    return {
      kind: 'session',
      id: hash,
      userId: user.id,
      name: user.username,
      user: publicUser(user),
      permissions: user.permissions,
      csrfHash: session.csrfHash,
      expiresAt: session.expiresAt,
    };
  }

  /** A token can do what it was made for, as far as the user who made it still can. */
  async #token(token: NonNullable<Awaited<ReturnType<TokenStore['use']>>>): Promise<Principal | null> {
    const creator = token.createdBy === null ? null : await this.users.byId(token.createdBy);
    if (creator === undefined || creator?.disabled) return null;
    return {
      kind: 'token',
      id: token.id,
      userId: token.createdBy,
      name: `token:${token.name}`,
      user: null,
      permissions: creator ? commonPermissions(token.permissions, creator.permissions) : token.permissions,
      csrfHash: null,
      expiresAt: token.expiresAt,
    };
  }
}

/** Sessions that cannot be asked for leave tokens as they are. */
function awayOnly(error: unknown): LapwingError {
  if (error instanceof LapwingError && error.code === 'UNAVAILABLE') return error;
  throw error;
}
