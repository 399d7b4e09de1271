import type { Redis } from '@lapwing/redis';

/** How long a session lasts, whatever happens in it. */
export const SESSION_MS = 24 * 3_600_000;
const OIDC_MS = 600_000;
const RECOVERY_MS = 900_000;

/** A session, kept under the hash of its token. */
export interface Session {
  userId: string;
  /** Void when the user's has grown since. */
  epoch: number;
  csrfHash: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** A login at an OpenID provider that is under way. */
export interface OidcLogin {
  nonce: string;
  verifier: string;
  /** Hash of what the browser must bring back. */
  bindingHash: string;
}

const sessionKey = (hash: string): string => `lapwing:session:${hash}`;
const oidcKey = (stateHash: string): string => `lapwing:oidc:${stateHash}`;
const RECOVERY = 'lapwing:recovery';

/** Sessions and what is about to become one, in Redis; everything ends by itself. */
export class SessionStore {
  constructor(private readonly redis: Redis) {}

  async put(hash: string, session: Session, now: number): Promise<void> {
    const life = Math.max(session.expiresAt - now, 1);
    await this.redis.run((client) => client.set(sessionKey(hash), JSON.stringify(session), 'PX', life));
  }

  async get(hash: string): Promise<Session | undefined> {
    const text = await this.redis.run((client) => client.get(sessionKey(hash)));
    return text === null ? undefined : (JSON.parse(text) as Session);
  }

  async delete(hash: string): Promise<void> {
    await this.redis.run((client) => client.del(sessionKey(hash)));
  }

  /** Lets a session go on under the user's new epoch, when it is still there. */
  async move(hash: string, epoch: number): Promise<void> {
    const session = await this.get(hash);
    if (!session) return;
    const text = JSON.stringify({ ...session, epoch });
    await this.redis.run((client) => client.set(sessionKey(hash), text, 'KEEPTTL', 'XX'));
  }

  async putOidcLogin(stateHash: string, login: OidcLogin): Promise<void> {
    await this.redis.run((client) => client.set(oidcKey(stateHash), JSON.stringify(login), 'PX', OIDC_MS));
  }

  /** Takes a login that is under way, once. */
  async takeOidcLogin(stateHash: string): Promise<OidcLogin | undefined> {
    const text = await this.redis.run((client) => client.getdel(oidcKey(stateHash)));
    return text === null ? undefined : (JSON.parse(text) as OidcLogin);
  }

  /** Until when recovery mode is on; null when it is off. */
  async recoveryUntil(): Promise<number | null> {
    const text = await this.redis.run((client) => client.get(RECOVERY));
    return text === null ? null : Number(text);
  }

  async startRecovery(now: number): Promise<number> {
    const until = now + RECOVERY_MS;
    await this.redis.run((client) => client.set(RECOVERY, String(until), 'PX', RECOVERY_MS));
    return until;
  }

  async endRecovery(): Promise<void> {
    await this.redis.run((client) => client.del(RECOVERY));
  }
}
