import type { Bus } from '@lapwing/bus';
import { LapwingError, Username, principalsChanged, type OutputOf, type sessionCreate } from '@lapwing/contracts';
import { hashOf, newCredential } from '../domain/credentials.js';
import type { AuditActor, AuditStore } from '../store/audit.store.js';
import type { Database } from '../store/database.js';
import { MAX_FAILURES, type LockoutStore } from '../store/lockout.store.js';
import { SESSION_MS, type SessionStore } from '../store/session.store.js';
import { publicUser, type UserRecord, type UserStore } from '../store/user.store.js';
import type { PasswordsService } from './passwords.service.js';
import type { TotpService } from './totp.service.js';

/** What a login needs. */
export interface LoginParts {
  bus: Bus;
  database: Database;
  users: UserStore;
  sessions: SessionStore;
  lockouts: LockoutStore;
  audit: AuditStore;
  passwords: PasswordsService;
  totp: TotpService;
  clock: () => number;
}

/** Who tries to log in, and from where. */
interface Tried {
  username: string;
  address: string;
}

type NewSession = OutputOf<typeof sessionCreate>;

/** Logs users in and out, and counts failures. */
export class LoginService {
  constructor(private readonly parts: LoginParts) {}

  /** Logs in with name, password and, where the user has one, a code of the second factor. */
  async logIn(input: Tried & { password: string; code: string | null }): Promise<NewSession> {
    const { users, passwords, totp, lockouts } = this.parts;
    await this.#begin(input, true);
    // What can be nobody's name is not asked for: PostgreSQL would refuse some of it.
    const { data: username } = Username.safeParse(input.username);
    const user = await this.#orUndo(input, async () => (username === undefined ? undefined : users.byName(username)));
    const hash = user && !user.disabled && user.authProvider === 'local' ? user.passwordHash : null;
    const fits = await this.#orUndo(input, () => passwords.verify(input.password, hash));
    if (!user || !fits) return this.#fail(input);
    let how = 'password';
    if (user.totpEnabled) {
      if (input.code === null) {
        await lockouts.undo(input.username, input.address);
        throw new LapwingError('TOTP_REQUIRED', undefined, { totpRequired: true });
      }
      const taken = await totp.take(user, input.code);
      if (!taken) return this.#fail(input);
      how = `password and ${taken}`;
    }
    await lockouts.succeed(input.username, input.address);
    if (passwords.isWeak(hash)) await this.#strengthen(user, input.password);
    return this.open(user, input.address, how);
  }

  /** Checks the password of somebody who is logged in already; failures count as those of a login. */
  async confirm(user: UserRecord, password: string, address: string): Promise<void> {
    const tried = { username: user.username, address };
    await this.#begin(tried, false);
    if (await this.#orUndo(tried, () => this.parts.passwords.verify(password, user.passwordHash)))
      return this.parts.lockouts.undo(user.username, address);
    const failure = await this.parts.lockouts.fail(user.username, address);
    throw new LapwingError('INVALID_CURRENT_PASSWORD', undefined, feedback(failure, this.parts.clock()));
  }

  /** Opens a session. */
  async open(user: UserRecord, address: string, how: string): Promise<NewSession> {
    const { database, users, sessions, audit, clock } = this.parts;
    const [token, csrf] = [newCredential(), newCredential()];
    const now = clock();
    const expiresAt = now + SESSION_MS;
    const session = { userId: user.id, epoch: user.epoch, csrfHash: hashOf(csrf), expiresAt };
    await sessions.put(hashOf(token), session, now);
    await database.transaction('login.open', async (transaction) => {
      await users.loggedIn(transaction, user.id, now);
      const actor = { name: user.username, userId: user.id, address };
      await audit.append(transaction, actor, {
        type: 'session',
        action: 'opened',
        target: user.username,
        details: { how },
      });
    });
    return { token, csrf, expiresAt, user: { ...publicUser(user), lastLogin: now } };
  }

  /** Ends a session; says whether there was one. */
  async logOut(hash: string, address: string): Promise<boolean> {
    const { bus, sessions, users, audit } = this.parts;
    const session = await sessions.get(hash);
    if (!session) return false;
    await sessions.delete(hash);
    bus.announce(principalsChanged, session.userId, { reason: 'a session was ended' });
    const user = await users.byId(session.userId);
    const actor = { name: user?.username ?? 'unknown', userId: session.userId, address };
    await audit.record(actor, { type: 'session', action: 'ended', target: actor.name });
    return true;
  }

  /** Now that the password is known, it can be hashed as all others are. */
  async #strengthen(user: UserRecord, password: string): Promise<void> {
    const { users, passwords } = this.parts;
    await users.replaceHash(user.id, user.passwordHash, await passwords.hash(password));
  }

  async #begin({ username, address }: Tried, limited: boolean): Promise<void> {
    const { lockouts, clock } = this.parts;
    const attempt = await lockouts.begin(username, address);
    if (attempt.state === 'locked')
      throw new LapwingError('ACCOUNT_LOCKED', lockedText(attempt.remainingMs), locked(clock(), attempt.remainingMs));
    if (attempt.state === 'busy')
      throw new LapwingError('RATE_LIMITED', 'too many attempts at once', { retryAfterMs: 1000 });
    if (!limited) return;
    const verdict = await lockouts.limit(address);
    if (verdict.allowed) return;
    await lockouts.undo(username, address);
    throw new LapwingError('RATE_LIMITED', 'at most 10 logins a minute', { ...verdict });
  }

  /** Work between the counting of an attempt and its result: when it cannot be done, the attempt was none. */
  async #orUndo<T>({ username, address }: Tried, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.parts.lockouts.undo(username, address).catch(() => {});
      throw error;
    }
  }

  async #fail({ username, address }: Tried): Promise<never> {
    const { lockouts, audit, clock } = this.parts;
    const failure = await lockouts.fail(username, address);
    const actor: AuditActor = { name: username, userId: null, address };
    const action = failure.locked ? 'locked' : 'refused';
    await audit.record(actor, { type: 'session', action, target: username, details: { attempts: failure.attempts } });
    throw new LapwingError(
      'INVALID_CREDENTIALS',
      failure.locked ? lockedText(failure.lockMs) : remainingText(MAX_FAILURES - failure.attempts),
      feedback(failure, clock()),
    );
  }
}

function feedback(failure: { locked: boolean; attempts: number; lockMs: number }, now: number) {
  const { attempts } = failure;
  const counts = { attempts, remaining: Math.max(MAX_FAILURES - attempts, 0), maxAttempts: MAX_FAILURES };
  return failure.locked ? { ...counts, ...locked(now, failure.lockMs), lockoutDuration: '15 minutes' } : counts;
}

function locked(now: number, remainingMs: number) {
  const lockedUntil = `${new Date(now + remainingMs).toISOString().slice(0, 19)}Z`;
  return { locked: true, lockedUntil, remainingMinutes: Math.ceil(remainingMs / 60_000), retryAfterMs: remainingMs };
}

function remainingText(remaining: number): string {
  return `wrong user name or password; ${remaining} ${remaining === 1 ? 'attempt is' : 'attempts are'} left before a lock of 15 minutes`;
}

function lockedText(remainingMs: number): string {
  const minutes = Math.ceil(remainingMs / 60_000);
  return `too many failed attempts: locked for ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'}; wait, or let an administrator lift the lock, or use recovery mode on the server itself`;
}
