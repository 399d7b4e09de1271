import type { IssuedLicense } from '@lapwing/contracts';
import { instant, type Schema, type Statements } from '@lapwing/postgres';
import type { HeldLicense } from '../domain/license.js';

/** The licence that is held, as its row says. Times in milliseconds since 1970. */
export interface LicenseRow extends HeldLicense {
  keyHash: string;
  /** The key, for a licence server that is asked again; null for others. */
  sealedKey: Buffer | null;
  /** When whoever vouches for it said so last. */
  verifiedAt: number;
}

const ISSUED = `id, email, prefix, updates_expire_at AS "updatesExpireAt", issued_at AS "issuedAt", issued_by AS "issuedBy",
  revoked_at AS "revokedAt"`;
const HELD = `key_hash AS "keyHash", sealed_key AS "sealedKey", email, source, updates_expire_at AS "updatesExpireAt", valid,
  verified_at AS "verifiedAt"`;

type IssuedRow = IssuedLicense & Record<string, unknown>;

/** Licences that were issued here, and the one that is held. Keys are kept as hashes. */
export class LicenseStore {
  constructor(private readonly schema: Schema) {}

  /** Those that were issued, the newest first. */
  async issued(limit: number): Promise<IssuedLicense[]> {
    const { rows } = await this.schema.query<IssuedRow>(
      'license.issued',
      `SELECT ${ISSUED} FROM updates.issued_license ORDER BY issued_at DESC, id LIMIT $1`,
      [limit],
    );
    return rows;
  }

  /** The one of this key, revoked or not. */
  async issuedByKey(keyHash: string): Promise<IssuedLicense | undefined> {
    const { rows } = await this.schema.query<IssuedRow>(
      'license.find',
      `SELECT ${ISSUED} FROM updates.issued_license WHERE key_hash = $1`,
      [keyHash],
    );
    return rows[0];
  }

  /** How many were issued. */
  async count(statements: Statements): Promise<number> {
    const { rows } = await statements.query<{ count: number }>('SELECT count(*) FROM updates.issued_license', []);
    return rows[0]?.count ?? 0;
  }

  /** Keeps one. */
  async issue(statements: Statements, license: IssuedLicense, keyHash: string): Promise<void> {
    const { id, prefix, email, updatesExpireAt, issuedAt, issuedBy } = license;
    await statements.query(
      `INSERT INTO updates.issued_license (id, key_hash, prefix, email, updates_expire_at, issued_at, issued_by)
       VALUES ($1, $2, $3, $4, ${instant('$5')}, ${instant('$6')}, $7)`,
      [id, keyHash, prefix, email, updatesExpireAt, issuedAt, issuedBy],
    );
  }

  /** Takes one back; what was taken back stays as it was. Undefined when there is none. */
  async revoke(id: string, now: number): Promise<IssuedLicense | undefined> {
    const { rows } = await this.schema.query<IssuedRow>(
      'license.revoke',
      `UPDATE updates.issued_license SET revoked_at = coalesce(revoked_at, ${instant('$2')}) WHERE id = $1 RETURNING ${ISSUED}`,
      [id, now],
    );
    return rows[0];
  }

  /** The one that is held. */
  async held(): Promise<LicenseRow | undefined> {
    const { rows } = await this.schema.query<LicenseRow & Record<string, unknown>>(
      'license.held',
      `SELECT ${HELD} FROM updates.license`,
    );
    return rows[0];
  }

  /** Holds this one instead of the one before. */
  async hold(row: LicenseRow): Promise<void> {
    await this.schema.query(
      'license.hold',
      `INSERT INTO updates.license (key_hash, sealed_key, email, source, updates_expire_at, valid, verified_at)
       VALUES ($1, $2, $3, $4, ${instant('$5')}, $6, ${instant('$7')})
       ON CONFLICT (one) DO UPDATE SET key_hash = excluded.key_hash, sealed_key = excluded.sealed_key, email = excluded.email,
         source = excluded.source, updates_expire_at = excluded.updates_expire_at, valid = excluded.valid,
         verified_at = excluded.verified_at`,
      [row.keyHash, row.sealedKey, row.email, row.source, row.updatesExpireAt, row.valid, row.verifiedAt],
    );
  }

  /** Notes what whoever vouches for the licence of this key says now; without effect when another one is held meanwhile. */
  async note(
    keyHash: string,
    said: { valid: boolean; updatesExpireAt: number | undefined; verifiedAt: number },
  ): Promise<void> {
    await this.schema.query(
      'license.note',
      `UPDATE updates.license SET valid = $2, verified_at = ${instant('$3')},
         updates_expire_at = coalesce(${instant('$4')}, updates_expire_at)
       WHERE key_hash = $1 AND source = 'server'`,
      [keyHash, said.valid, said.verifiedAt, said.updatesExpireAt ?? null],
    );
  }

  /** When the newest feed of releases that was believed was issued; 0 before the first. */
  async feedSeenAt(): Promise<number> {
    const { rows } = await this.schema.query<{ seenAt: number | null }>(
      'license.seen',
      'SELECT max(issued_at) AS "seenAt" FROM updates.feed',
    );
    return rows[0]?.seenAt ?? 0;
  }
}
