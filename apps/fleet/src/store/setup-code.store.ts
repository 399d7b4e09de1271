import { instant, type Statements } from '@lapwing/postgres';

/** Codes with which nodes register themselves, and who tried wrong ones. Times in milliseconds since 1970. */
export class SetupCodeStore {
  /** How many codes are open; those that are over are forgotten. */
  async open(statements: Statements, now: number): Promise<number> {
    await statements.query(`DELETE FROM fleet.setup_code WHERE expires_at <= ${instant('$1')}`, [now]);
    const { rows } = await statements.query<{ count: number }>('SELECT count(*) FROM fleet.setup_code', []);
    return rows[0]?.count ?? 0;
  }

  /** Keeps the hash of a code. */
  async put(
    statements: Statements,
    code: { hash: Buffer; type: string; host: string; expiresAt: number; createdBy: string },
  ): Promise<void> {
    await statements.query(
      `INSERT INTO fleet.setup_code (hash, type, host, expires_at, created_by) VALUES ($1, $2, $3, ${instant('$4')}, $5)`,
      [code.hash, code.type, code.host, code.expiresAt, code.createdBy],
    );
  }

  /** Takes a code out. Returns who made it; undefined when there is no such code (any more). */
  async consume(statements: Statements, hash: Buffer, now: number): Promise<string | undefined> {
    const { rows } = await statements.query<{ created_by: string }>(
      `DELETE FROM fleet.setup_code WHERE hash = $1 AND expires_at > ${instant('$2')} RETURNING created_by`,
      [hash, now],
    );
    return rows[0]?.created_by;
  }

  /** How often an address failed of late, and when last. */
  async attempts(statements: Statements, address: string): Promise<{ failures: number; lastAt: number }> {
    const { rows } = await statements.query<{ failures: number; lastAt: number }>(
      'SELECT failures, last_at AS "lastAt" FROM fleet.setup_attempt WHERE address = $1 FOR UPDATE',
      [address],
    );
    return rows[0] ?? { failures: 0, lastAt: 0 };
  }

  /** Notes a failure; those of a window that is over count no more. */
  async fail(statements: Statements, address: string, now: number, windowMs: number): Promise<void> {
    await statements.query(`DELETE FROM fleet.setup_attempt WHERE last_at < ${instant('$1')}`, [now - windowMs]);
    await statements.query(
      `INSERT INTO fleet.setup_attempt AS a (address, failures, last_at) VALUES ($1, 1, ${instant('$2')})
       ON CONFLICT (address) DO UPDATE SET failures = a.failures + 1, last_at = excluded.last_at`,
      [address, now],
    );
  }
}
