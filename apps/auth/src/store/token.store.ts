import type { ApiToken } from '@lapwing/contracts';
import type { Statements } from '@lapwing/postgres';
import type { Database } from './database.js';

/** A token with what only auth knows. */
export interface TokenRecord extends ApiToken, Record<string, unknown> {
  createdBy: string | null;
}

/** What a token is made of. */
export interface TokenDraft {
  name: string;
  /** SHA3-256, hexadecimal. */
  hash: string;
  prefix: string;
  suffix: string;
  permissions: string[];
  createdBy: string | null;
  expiresAt: number | null;
}

const COLUMNS = `id, name, prefix, suffix, permissions, created_at AS "createdAt", last_used_at AS "lastUsedAt",
  expires_at AS "expiresAt", from_environment AS "fromEnvironment", created_by AS "createdBy"`;

/** What may be shown of a token. */
export function publicToken(record: TokenRecord): ApiToken {
  const { createdBy: _createdBy, ...token } = record;
  return token;
}

/** API tokens; their values are kept nowhere. */
export class TokenStore {
  constructor(private readonly database: Database) {}

  /** All tokens, the newest first. */
  async list(statements: Statements = this.database.plain('token.list')): Promise<TokenRecord[]> {
    const { rows } = await statements.query<TokenRecord>(
      `SELECT ${COLUMNS} FROM auth.api_token ORDER BY created_at DESC, id LIMIT 10000`,
    );
    return rows;
  }

  /** The token of this hash that has not expired; notes that it was used, once a minute at most. */
  async use(hash: string, now: number): Promise<TokenRecord | undefined> {
    const { rows } = await this.database.query<TokenRecord>(
      'token.use',
      `WITH used AS (
         UPDATE auth.api_token SET last_used_at = to_timestamp($2::float8 / 1000)
         WHERE hash = decode($1, 'hex') AND (last_used_at IS NULL OR last_used_at < to_timestamp($2::float8 / 1000) - interval '1 minute')
       )
       SELECT ${COLUMNS} FROM auth.api_token
       WHERE hash = decode($1, 'hex') AND (expires_at IS NULL OR expires_at > to_timestamp($2::float8 / 1000))`,
      [hash, now],
    );
    return rows[0];
  }

  async insert(statements: Statements, token: TokenDraft): Promise<TokenRecord> {
    const { rows } = await statements.query<TokenRecord>(
      `INSERT INTO auth.api_token (name, hash, prefix, suffix, permissions, created_by, expires_at)
       VALUES ($1, decode($2, 'hex'), $3, $4, $5, $6, to_timestamp($7::float8 / 1000)) RETURNING ${COLUMNS}`,
      [token.name, token.hash, token.prefix, token.suffix, token.permissions, token.createdBy, token.expiresAt],
    );
    const [record] = rows;
    if (!record) throw new Error('the token was not stored');
    return record;
  }

  async byId(statements: Statements, id: string): Promise<TokenRecord | undefined> {
    return (await statements.query<TokenRecord>(`SELECT ${COLUMNS} FROM auth.api_token WHERE id = $1`, [id])).rows[0];
  }

  async delete(statements: Statements, id: string): Promise<void> {
    await statements.query('DELETE FROM auth.api_token WHERE id = $1', [id]);
  }

  /** Ends the tokens that a user made. */
  async deleteOf(statements: Statements, userId: string): Promise<void> {
    await statements.query('DELETE FROM auth.api_token WHERE created_by = $1', [userId]);
  }

  /** Ends all but those of the environment. Returns how many of those there are. */
  async deleteStored(statements: Statements): Promise<number> {
    await statements.query('DELETE FROM auth.api_token WHERE NOT from_environment');
    return (await statements.query('SELECT 1 FROM auth.api_token')).count;
  }

  /**
   * Makes the tokens of the environment be exactly these, the oldest first. Each is one microsecond younger than the one
   * before, so that "the newest" is the last.
   */
  async setEnvironment(statements: Statements, tokens: Pick<TokenDraft, 'name' | 'hash' | 'prefix' | 'suffix'>[]) {
    await statements.query(
      `DELETE FROM auth.api_token WHERE from_environment AND encode(hash, 'hex') <> ALL ($1::text[])`,
      [tokens.map(({ hash }) => hash)],
    );
    for (const [index, { name, hash, prefix, suffix }] of tokens.entries())
      await statements.query(
        `INSERT INTO auth.api_token (name, hash, prefix, suffix, permissions, from_environment, created_at)
         VALUES ($1, decode($2, 'hex'), $3, $4, '{*}', true, now() + make_interval(secs => $5::float8 / 1000000))
         ON CONFLICT (hash) DO UPDATE SET name = excluded.name, from_environment = true, permissions = '{*}', created_by = NULL, expires_at = NULL`,
        [name, hash, prefix, suffix, index],
      );
  }
}
