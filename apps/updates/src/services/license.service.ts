import {
  LICENSE_KEY_BYTES,
  LapwingError,
  licenseKeyOf,
  type InputOf,
  type IssuedLicense,
  type License,
  type OutputOf,
  type issuedlicenseCheck,
  type issuedlicenseCreate,
  type licenseValidate,
} from '@lapwing/contracts';
import type { Schema } from '@lapwing/postgres';
import type { SecretKey } from '@lapwing/service';
import { createLogger } from '@lapwing/telemetry';
import { randomBytes, randomUUID } from 'node:crypto';
import { notBefore } from '../domain/feed.js';
import { betterOf, hashOfKey, isSameEmail, mayUpdate, shownLicense, type HeldLicense } from '../domain/license.js';
import type { LicenseRow, LicenseStore } from '../store/license.store.js';
import type { LicenseFileService } from './license-file.service.js';
import type { LicenseServer } from './license-server.js';

const ISSUE_LOCK = 7_524_616;
const MAX_ISSUED = 100_000;

/** For what the key of a licence is sealed. */
export const SEALED_FOR = 'license';

/** What licences are made of. */
export interface LicenseParts {
  schema: Schema;
  store: LicenseStore;
  file: LicenseFileService;
  /** Undefined where none is configured. */
  server: LicenseServer | undefined;
  key: SecretKey;
  /** Whether updates want a licence. */
  required: boolean;
  /** Milliseconds since 1970. */
  clock: () => number;
}

/** Issues licences, checks and holds one, and says whether it covers new releases: the one thing that depends on it. */
export class LicenseService {
  readonly #log = createLogger('updates', 'licences');

  constructor(private readonly parts: LicenseParts) {}

  /** The licence that is held. */
  async get(): Promise<License> {
    const { license, now } = await this.#look();
    return shownLicense(license, now);
  }

  /**
   * Wants that new releases may be fetched and installed.
   * @throws LapwingError `UPDATES_EXPIRED` when they may not, with the reason in its details; `UNAVAILABLE` without the database.
   */
  async wantUpdates(): Promise<void> {
    const { license, now } = await this.#look();
    const reason = mayUpdate({ license, required: this.parts.required, now });
    if (reason !== undefined) throw new LapwingError('UPDATES_EXPIRED', undefined, { reason });
  }

  /**
   * Checks a licence, and holds it from now on. Whoever is wrong takes the same way, whatever was wrong.
   * @throws LapwingError `INVALID_LICENSE` when nobody vouches for it; `UNAVAILABLE` when only the licence server could, and it is away.
   */
  async validate({ actor, email, licenseKey }: InputOf<typeof licenseValidate>): Promise<License> {
    const keyHash = hashOfKey(licenseKey);
    const [issued, inFile] = await Promise.all([this.#issued(keyHash, email), this.#inFile(keyHash, email)]);
    const license = (issued?.valid ? issued : undefined) ?? inFile ?? (await this.#atServer(email, licenseKey));
    if (!license) throw new LapwingError('INVALID_LICENSE');
    const now = this.parts.clock();
    const sealedKey = license.source === 'server' ? this.parts.key.seal(SEALED_FOR, licenseKey) : null;
    await this.parts.store.hold({ ...license, keyHash, sealedKey, verifiedAt: now });
    this.#log.info({ user: actor.name, source: license.source }, 'a licence is held');
    return shownLicense(license, notBefore(now, await this.parts.store.feedSeenAt()));
  }

  /** Until when a licence that was issued here covers new releases; nothing is held. `INVALID_LICENSE`, whatever was wrong. */
  async check({ email, licenseKey }: InputOf<typeof issuedlicenseCheck>): Promise<OutputOf<typeof issuedlicenseCheck>> {
    const issued = await this.#issued(hashOfKey(licenseKey), email);
    if (!issued?.valid) throw new LapwingError('INVALID_LICENSE');
    return { updatesExpireAt: issued.updatesExpireAt };
  }

  /** Licences that were issued here, the newest first. */
  issued(limit: number): Promise<IssuedLicense[]> {
    return this.parts.store.issued(limit);
  }

  /** Issues a licence; its key is known to nobody afterwards. `INVALID_INPUT` for an end that is past, and when there are too many. */
  async issue(draft: InputOf<typeof issuedlicenseCreate>): Promise<OutputOf<typeof issuedlicenseCreate>> {
    const { actor, email, updatesExpireAt } = draft;
    const { schema, store, clock } = this.parts;
    const now = clock();
    if (updatesExpireAt <= now) throw new LapwingError('INVALID_INPUT', '"updatesExpireAt" must lie in the future');
    const licenseKey = licenseKeyOf(randomBytes(LICENSE_KEY_BYTES));
    const license: IssuedLicense = {
      id: randomUUID(),
      email,
      prefix: licenseKey.slice(0, 4),
      updatesExpireAt,
      issuedAt: now,
      issuedBy: actor.name,
      revokedAt: null,
    };
    await schema.exclusive('license.issue', { kind: ISSUE_LOCK }, async (transaction) => {
      if ((await store.count(transaction)) >= MAX_ISSUED)
        throw new LapwingError('INVALID_INPUT', `at most ${MAX_ISSUED} licences`);
      await store.issue(transaction, license, hashOfKey(licenseKey));
    });
    return { license, licenseKey };
  }

  /** Takes one back, which counts at once where it is held here; done again, it does no harm. `NOT_FOUND`. */
  async revoke(id: string): Promise<IssuedLicense> {
    const license = await this.parts.store.revoke(id, this.parts.clock());
    if (!license) throw new LapwingError('NOT_FOUND', 'no such licence');
    return license;
  }

  /** What is held, and the time: a clock that was set back counts as the newest feed that was seen. */
  async #look(): Promise<{ license: HeldLicense | undefined; now: number }> {
    const { store, file, clock } = this.parts;
    const [row, statement, seenAt] = await Promise.all([store.held(), file.statement(), store.feedSeenAt()]);
    const stored = row && (await this.#asItStands(row));
    const inFile: HeldLicense | undefined = statement && {
      email: statement.email,
      source: 'file',
      updatesExpireAt: Date.parse(statement.updatesExpireAt),
      valid: true,
    };
    return { license: betterOf(stored, inFile), now: notBefore(clock(), seenAt) };
  }

  /** One that was issued here is looked up each time, so that it counts at once when it was taken back. */
  async #asItStands(row: LicenseRow): Promise<HeldLicense> {
    if (row.source !== 'issued') return row;
    return (await this.#issued(row.keyHash, row.email)) ?? { ...row, valid: false };
  }

  async #issued(keyHash: string, email: string): Promise<HeldLicense | undefined> {
    const found = await this.parts.store.issuedByKey(keyHash);
    if (!found || !isSameEmail(found.email, email)) return undefined;
    const { updatesExpireAt, revokedAt } = found;
    return { email: found.email, source: 'issued', updatesExpireAt, valid: revokedAt === null };
  }

  async #inFile(keyHash: string, email: string): Promise<HeldLicense | undefined> {
    const statement = await this.parts.file.statement();
    if (statement?.keyHash !== keyHash || !isSameEmail(statement.email, email)) return undefined;
    const updatesExpireAt = Date.parse(statement.updatesExpireAt);
    return { email: statement.email, source: 'file', updatesExpireAt, valid: true };
  }

  async #atServer(email: string, licenseKey: string): Promise<HeldLicense | undefined> {
    const updatesExpireAt = (await this.parts.server?.ask(email, licenseKey)) ?? null;
    return updatesExpireAt === null ? undefined : { email, source: 'server', updatesExpireAt, valid: true };
  }
}
