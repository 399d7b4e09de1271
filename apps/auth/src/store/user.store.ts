import type { User } from '@lapwing/contracts';
import type { Statements } from '@lapwing/postgres';
import type { Database } from './database.js';

/** A user with what only auth knows. */
export interface UserRecord extends User, Record<string, unknown> {
  passwordHash: string | null;
  /** Sessions made under another number are void. */
  epoch: number;
  totpSecret: Buffer | null;
  totpEnabled: boolean;
}

const SELECT = `SELECT u.id, u.username, u.email, u.auth_provider AS "authProvider", u.disabled, u.created_at AS "createdAt",
    u.last_login AS "lastLogin", u.password_hash AS "passwordHash", u.epoch, u.totp_secret AS "totpSecret", u.totp_enabled AS "totpEnabled",
    ARRAY(SELECT role_id FROM auth.user_role WHERE user_id = u.id ORDER BY role_id) AS roles,
    ARRAY(SELECT DISTINCT p FROM auth.user_role JOIN auth.role r ON r.id = role_id, unnest(r.permissions) AS p
      WHERE user_id = u.id ORDER BY p) AS permissions
  FROM auth."user" u`;

/** What others may see of a user. */
export function publicUser(record: UserRecord): User {
  const { id, username, email, roles, permissions, authProvider, disabled, createdAt, lastLogin } = record;
  return { id, username, email, roles, permissions, authProvider, disabled, createdAt, lastLogin };
}

/** Users, their roles and their second factors. */
export class UserStore {
  constructor(private readonly database: Database) {}

  /** All users, by name. */
  async list(): Promise<UserRecord[]> {
    return (await this.database.query<UserRecord>('user.list', `${SELECT} ORDER BY lower(u.username) LIMIT 10000`))
      .rows;
  }

  /** One user; undefined when there is none. */
  async byId(id: string, statements: Statements = this.database.plain('user.by_id')): Promise<UserRecord | undefined> {
    return (await statements.query<UserRecord>(`${SELECT} WHERE u.id = $1`, [id])).rows[0];
  }

  /** One user by name, whatever its case. */
  async byName(
    username: string,
    statements: Statements = this.database.plain('user.by_name'),
  ): Promise<UserRecord | undefined> {
    return (await statements.query<UserRecord>(`${SELECT} WHERE lower(u.username) = lower($1)`, [username])).rows[0];
  }

  /** The user whom an OpenID provider knows by this subject. */
  async bySubject(statements: Statements, issuer: string, subject: string): Promise<UserRecord | undefined> {
    const { rows } = await statements.query<UserRecord>(`${SELECT} WHERE u.oidc_issuer = $1 AND u.oidc_subject = $2`, [
      issuer,
      subject,
    ]);
    return rows[0];
  }

  /** Whether there is any user. */
  async any(statements: Statements = this.database.plain('user.any')): Promise<boolean> {
    return (await statements.query('SELECT 1 FROM auth."user" LIMIT 1')).count > 0;
  }

  /** How many users that are not disabled hold the role `admin`, without this one. */
  async otherAdmins(statements: Statements, id: string): Promise<number> {
    const { count } = await statements.query(
      `SELECT 1 FROM auth."user" u JOIN auth.user_role ON user_id = u.id
       WHERE role_id = 'admin' AND NOT disabled AND u.id <> $1`,
      [id],
    );
    return count;
  }

  /** Adds a user; fails with a duplicate key when the name is taken. Returns the id. */
  async insert(
    statements: Statements,
    user: {
      username: string;
      email: string;
      passwordHash: string | null;
      oidc?: { issuer: string; subject: string };
    },
  ): Promise<string> {
    const { username, email, passwordHash, oidc } = user;
    const { rows } = await statements.query<{ id: string }>(
      `INSERT INTO auth."user" (username, email, password_hash, auth_provider, oidc_issuer, oidc_subject)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
      [username, email, passwordHash, oidc ? 'oidc' : 'local', oidc?.issuer ?? null, oidc?.subject ?? null],
    );
    return rows[0]?.id ?? '';
  }

  /** Gives a user exactly these roles. */
  async setRoles(statements: Statements, id: string, roles: string[]): Promise<void> {
    await statements.query('DELETE FROM auth.user_role WHERE user_id = $1 AND role_id <> ALL ($2)', [id, roles]);
    await statements.query(
      'INSERT INTO auth.user_role (user_id, role_id) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING',
      [id, roles],
    );
  }

  async setEmail(statements: Statements, id: string, email: string): Promise<void> {
    await statements.query('UPDATE auth."user" SET email = $2 WHERE id = $1', [id, email]);
  }

  async setDisabled(statements: Statements, id: string, disabled: boolean): Promise<void> {
    await statements.query('UPDATE auth."user" SET disabled = $2 WHERE id = $1', [id, disabled]);
  }

  async setPassword(statements: Statements, id: string, passwordHash: string): Promise<void> {
    await statements.query('UPDATE auth."user" SET password_hash = $2 WHERE id = $1', [id, passwordHash]);
  }

  /** Puts a hash in the place of another one of the same password, unless that was changed meanwhile. */
  async replaceHash(id: string, before: string | null, after: string): Promise<void> {
    await this.database.query(
      'user.rehash',
      'UPDATE auth."user" SET password_hash = $3 WHERE id = $1 AND password_hash = $2',
      [id, before, after],
    );
  }

  /** Makes all sessions of a user void. Returns the number under which new ones hold. */
  async nextEpoch(statements: Statements, id: string): Promise<number> {
    const { rows } = await statements.query<{ epoch: number }>(
      'UPDATE auth."user" SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch',
      [id],
    );
    return rows[0]?.epoch ?? 0;
  }

  async loggedIn(statements: Statements, id: string, time: number): Promise<void> {
    await statements.query('UPDATE auth."user" SET last_login = to_timestamp($2::float8 / 1000) WHERE id = $1', [
      id,
      time,
    ]);
  }

  /** Keeps the sealed secret of a second factor that does not count yet. */
  async beginTotp(id: string, sealed: Buffer): Promise<void> {
    await this.database.query(
      'totp.begin',
      'UPDATE auth."user" SET totp_secret = $2, totp_step = 0 WHERE id = $1 AND NOT totp_enabled',
      [id, sealed],
    );
  }

  /** Makes the second factor count, with these recovery codes. */
  async enableTotp(statements: Statements, id: string, recoveryHashes: Buffer[]): Promise<void> {
    await statements.query('UPDATE auth."user" SET totp_enabled = true WHERE id = $1', [id]);
    await statements.query('DELETE FROM auth.recovery_code WHERE user_id = $1', [id]);
    await statements.query('INSERT INTO auth.recovery_code (user_id, hash) SELECT $1, unnest($2::bytea[])', [
      id,
      recoveryHashes,
    ]);
  }

  /** Forgets the second factor. */
  async disableTotp(statements: Statements, id: string): Promise<void> {
    await statements.query(
      'UPDATE auth."user" SET totp_secret = NULL, totp_enabled = false, totp_step = 0 WHERE id = $1',
      [id],
    );
    await statements.query('DELETE FROM auth.recovery_code WHERE user_id = $1', [id]);
  }

  /** Takes the code of a step of time, once: false when it, or a later one, was taken before. */
  async takeStep(id: string, step: number): Promise<boolean> {
    const { count } = await this.database.query(
      'totp.take',
      'UPDATE auth."user" SET totp_step = $2 WHERE id = $1 AND totp_step < $2',
      [id, step],
    );
    return count > 0;
  }

  /** Takes a recovery code, once: false when there is none of this hash. */
  async takeRecoveryCode(id: string, hash: Buffer): Promise<boolean> {
    const { count } = await this.database.query(
      'totp.recover',
      'DELETE FROM auth.recovery_code WHERE user_id = $1 AND hash = $2',
      [id, hash],
    );
    return count > 0;
  }

  async recoveryCodesLeft(id: string): Promise<number> {
    const { count } = await this.database.query('totp.count', 'SELECT 1 FROM auth.recovery_code WHERE user_id = $1', [
      id,
    ]);
    return count;
  }
}
