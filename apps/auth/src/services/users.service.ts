import type { Bus } from '@lapwing/bus';
import {
  LapwingError,
  coversAll,
  principalsChanged,
  type Actor,
  type InputOf,
  type User,
  type profileUpdate,
  type userCreate,
  type userRegister,
  type userUpdate,
} from '@lapwing/contracts';
import type { AuditStore } from '../store/audit.store.js';
import { isDuplicate, type Statements } from '@lapwing/postgres';
import type { Database } from '../store/database.js';
import type { LockoutStore } from '../store/lockout.store.js';
import type { RoleStore } from '../store/role.store.js';
import type { SessionStore } from '../store/session.store.js';
import type { TokenStore } from '../store/token.store.js';
import { publicUser, type UserRecord, type UserStore } from '../store/user.store.js';
import type { LoginService } from './login.service.js';
import type { PasswordsService } from './passwords.service.js';

/** What the care of users needs. */
export interface UsersParts {
  bus: Bus;
  database: Database;
  users: UserStore;
  roles: RoleStore;
  tokens: TokenStore;
  sessions: SessionStore;
  lockouts: LockoutStore;
  audit: AuditStore;
  passwords: PasswordsService;
  login: LoginService;
  registration: boolean;
}

const NOBODY_YET: Omit<Actor, 'name' | 'address'> = { userId: null, sessionHash: null, permissions: [] };

/** Makes and changes users. Nobody grants, or changes somebody who holds, more than they hold themselves. */
export class UsersService {
  constructor(private readonly parts: UsersParts) {}

  async list(): Promise<User[]> {
    return (await this.parts.users.list()).map(publicUser);
  }

  async get(id: string): Promise<User> {
    return publicUser(await this.#want(id));
  }

  /** The user behind an actor. Throws `FORBIDDEN` for an API token, which has no account. */
  async own(actor: Actor): Promise<UserRecord> {
    if (actor.userId === null || actor.sessionHash === null)
      throw new LapwingError('FORBIDDEN', 'an API token has no account of its own: log in as a user');
    return this.#want(actor.userId);
  }

  /** The user behind an actor, when Lapwing itself knows the password. */
  async ownLocal(actor: Actor): Promise<UserRecord> {
    const user = await this.own(actor);
    wantLocal(user);
    return user;
  }

  async create({ actor, username, password, email, roles }: InputOf<typeof userCreate>): Promise<User> {
    const passwordHash = await this.parts.passwords.hash(password);
    return this.#add(actor, { username, email, passwordHash, roles }, 'created');
  }

  async register({ username, password, email, address }: InputOf<typeof userRegister>): Promise<User> {
    if (!this.parts.registration) throw new LapwingError('REGISTRATION_DISABLED');
    const passwordHash = await this.parts.passwords.hash(password);
    const actor = { ...NOBODY_YET, name: username, address, permissions: ['*'] };
    return this.#add(actor, { username, email, passwordHash, roles: ['viewer'] }, 'registered');
  }

  async update({ actor, id, changes }: InputOf<typeof userUpdate>): Promise<User> {
    const { database, users, tokens, audit } = this.parts;
    const { ends, user } = await database.change('user.update', async (transaction) => {
      const before = await this.#want(id, transaction);
      mayChange(actor, before);
      const roles = changes.roles ? await this.#grantable(transaction, actor, changes.roles) : before.roles;
      const disabled = changes.disabled ?? before.disabled;
      if (disabled && id === actor.userId)
        throw new LapwingError('INVALID_INPUT', 'nobody can disable their own account');
      await this.#keepAnAdmin(transaction, before, { roles, disabled });
      if (changes.email !== undefined) await users.setEmail(transaction, id, changes.email);
      if (changes.roles) await users.setRoles(transaction, id, roles);
      if (disabled !== before.disabled) await users.setDisabled(transaction, id, disabled);
      if (disabled && !before.disabled) await tokens.deleteOf(transaction, id);
      const rolesChanged = roles.join() !== before.roles.join();
      const ended = rolesChanged || disabled !== before.disabled;
      const epoch = ended ? await users.nextEpoch(transaction, id) : undefined;
      const action = disabled === before.disabled ? 'updated' : disabled ? 'disabled' : 'enabled';
      const details = {
        ...(rolesChanged && { roles, before: before.roles }),
        ...(changes.email !== undefined && changes.email !== before.email && { email: 'changed' }),
      };
      await audit.append(transaction, actor, { type: 'user', action, target: before.username, details });
      return { ends: epoch, user: await this.#want(id, transaction) };
    });
    if (ends !== undefined) await this.#endSessions(actor, id, ends, 'a user was changed');
    return publicUser(user);
  }

  async updateProfile({ actor, email }: InputOf<typeof profileUpdate>): Promise<User> {
    const user = await this.own(actor);
    if (email === undefined) return publicUser(user);
    await this.parts.database.change('profile.update', async (transaction) => {
      await this.parts.users.setEmail(transaction, user.id, email);
      const fact = { type: 'user', action: 'updated', target: user.username, details: { email: 'changed' } };
      await this.parts.audit.append(transaction, actor, fact);
    });
    return publicUser({ ...user, email });
  }

  /** Changes one's own password; the session that does it goes on, all others end. */
  async changePassword(actor: Actor, current: string, next: string): Promise<void> {
    const user = await this.ownLocal(actor);
    await this.parts.login.confirm(user, current, actor.address);
    await this.#setPassword(actor, user, next, 'password_changed');
  }

  async resetPassword(actor: Actor, id: string, next: string): Promise<void> {
    const user = await this.#want(id);
    mayChange(actor, user);
    wantLocal(user);
    await this.#setPassword(actor, user, next, 'password_reset');
    await this.parts.lockouts.reset(user.username);
  }

  async resetLockout(actor: Actor, identifier: string): Promise<void> {
    await this.parts.lockouts.reset(identifier);
    await this.parts.audit.record(actor, { type: 'lockout', action: 'lifted', target: identifier });
  }

  /** A user whose second factor the actor may take away. */
  async changeable(actor: Actor, id: string): Promise<UserRecord> {
    const user = await this.#want(id);
    mayChange(actor, user);
    return user;
  }

  async #setPassword(actor: Actor, user: UserRecord, next: string, action: string): Promise<void> {
    const { database, users, audit, passwords } = this.parts;
    const hash = await passwords.hash(next);
    const epoch = await database.change('user.password', async (transaction) => {
      await users.setPassword(transaction, user.id, hash);
      await audit.append(transaction, actor, { type: 'user', action, target: user.username });
      return users.nextEpoch(transaction, user.id);
    });
    await this.#endSessions(actor, user.id, epoch, 'a password was changed');
  }

  /** All sessions of the user are void by now; only the one that the actor uses goes on, when it is the user's own. */
  async #endSessions(actor: Actor, id: string, epoch: number, reason: string): Promise<void> {
    if (actor.userId === id && actor.sessionHash) await this.parts.sessions.move(actor.sessionHash, epoch);
    this.parts.bus.announce(principalsChanged, id, { reason });
  }

  async #add(
    actor: Actor,
    draft: { username: string; email: string; passwordHash: string; roles: string[] },
    action: string,
  ): Promise<User> {
    const { database, users, audit } = this.parts;
    try {
      const user = await database.change('user.create', async (transaction) => {
        const roles = await this.#grantable(transaction, actor, draft.roles);
        const id = await users.insert(transaction, draft);
        await users.setRoles(transaction, id, roles);
        const by = action === 'registered' ? { ...actor, userId: id } : actor;
        await audit.append(transaction, by, { type: 'user', action, target: draft.username, details: { roles } });
        return this.#want(id, transaction);
      });
      return publicUser(user);
    } catch (error) {
      if (isDuplicate(error)) throw new LapwingError('USERNAME_TAKEN');
      throw error;
    }
  }

  async #want(id: string, statements?: Statements): Promise<UserRecord> {
    const user = await this.parts.users.byId(id, statements);
    if (!user) throw new LapwingError('NOT_FOUND', 'no such user');
    return user;
  }

  /** The roles, once it is clear that they exist and grant nothing that the actor does not hold. */
  async #grantable(statements: Statements, actor: Actor, wanted: string[]): Promise<string[]> {
    const known = await this.parts.roles.list(statements);
    const roles = [...new Set(wanted)].toSorted().map((id) => {
      const role = known.find((one) => one.id === id);
      const ids = known.map((one) => one.id).join(', ');
      if (!role) throw new LapwingError('INVALID_INPUT', `"roles": there is no role "${id}"; there are ${ids}`);
      return role;
    });
    const excess = roles.find((role) => !coversAll(actor.permissions, role.permissions));
    if (excess) throw new LapwingError('FORBIDDEN', `the role "${excess.id}" may do more than you`);
    return roles.map(({ id }) => id);
  }

  async #keepAnAdmin(statements: Statements, before: UserRecord, after: { roles: string[]; disabled: boolean }) {
    const was = before.roles.includes('admin') && !before.disabled;
    const stays = after.roles.includes('admin') && !after.disabled;
    if (was && !stays && (await this.parts.users.otherAdmins(statements, before.id)) === 0)
      throw new LapwingError('LAST_ADMIN');
  }
}

function mayChange(actor: Actor, user: UserRecord): void {
  if (!coversAll(actor.permissions, user.permissions))
    throw new LapwingError('FORBIDDEN', `"${user.username}" may do more than you`);
}

function wantLocal(user: UserRecord): void {
  if (user.authProvider !== 'local')
    throw new LapwingError(
      'INVALID_INPUT',
      'the OpenID provider keeps the password of this user, and asks for a second factor itself',
    );
}
