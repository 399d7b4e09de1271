import { instant, type Schema, type Statements } from '@lapwing/postgres';

/** The keys that NATS lets in, and those that it must not let in any more. Times in milliseconds since 1970. */
export class CredentialStore {
  constructor(private readonly schema: Schema) {}

  /** When a key was revoked; undefined when it never was. */
  async revokedAt(statements: Statements, publicKey: string): Promise<number | undefined> {
    const { rows } = await statements.query<{ at: number | null }>(
      'SELECT revoked_at AS at FROM fleet.credential WHERE public_key = $1',
      [publicKey],
    );
    return rows[0]?.at ?? undefined;
  }

  /** Notes that a key gets credentials; what was revoked of it stays revoked, since those JWTs are older. False when it is another agent's. */
  async issue(
    statements: Statements,
    credential: { agentId: string; publicKey: string; issuedAt: number; expiresAt: number },
  ): Promise<boolean> {
    const { agentId, publicKey, issuedAt, expiresAt } = credential;
    const { count } = await statements.query(
      `INSERT INTO fleet.credential AS c (public_key, agent_id, issued_at, expires_at) VALUES ($1, $2, ${instant('$3')}, ${instant('$4')})
       ON CONFLICT (public_key) DO UPDATE SET issued_at = greatest(c.issued_at, excluded.issued_at),
         expires_at = greatest(c.expires_at, excluded.expires_at)
       WHERE c.agent_id = excluded.agent_id`,
      [publicKey, agentId, issuedAt, expiresAt],
    );
    return count > 0;
  }

  /** Revokes every key of an agent but one: all JWTs up to now, and up to the newest that was issued. Returns how many. */
  async revoke(statements: Statements, agentId: string, now: number, except: string | null = null): Promise<number> {
    const { count } = await statements.query(
      `UPDATE fleet.credential SET revoked_at = greatest(revoked_at, issued_at, ${instant('$2')})
       WHERE agent_id = $1 AND public_key IS DISTINCT FROM $3::text`,
      [agentId, now, except],
    );
    return count;
  }

  /** What NATS must know: revoked keys of which a JWT could still be good. */
  async revocations(statements: Statements, now: number): Promise<{ publicKey: string; at: number }[]> {
    const { rows } = await statements.query<{ publicKey: string; at: number }>(
      `SELECT public_key AS "publicKey", revoked_at AS at FROM fleet.credential
       WHERE revoked_at IS NOT NULL AND expires_at > ${instant('$1')} ORDER BY revoked_at DESC LIMIT 20000`,
      [now],
    );
    return rows;
  }

  /** Forgets keys of which no JWT is good any more. */
  async tidy(now: number): Promise<void> {
    await this.schema.query('credential.tidy', `DELETE FROM fleet.credential WHERE expires_at < ${instant('$1')}`, [
      now,
    ]);
  }
}
