import { z } from 'zod';
import { request } from './define.js';
import { Actor } from './identity.js';

/** Milliseconds since 1970, UTC. */
const Instant = z.int().min(0).max(8.64e15);

/** The e-mail address to which a licence was given. */
export const LicenseEmail = z.email().max(254);

/** The key of a licence: four groups of four letters and digits. Upper and lower case are one. */
export const LicenseKey = z
  .string()
  .regex(/^[A-Za-z0-9]{4}(-[A-Za-z0-9]{4}){3}$/, 'four groups of four letters and digits: XXXX-XXXX-XXXX-XXXX');

/** What a key is made of: no I, O, 0 and 1, which are mistaken for each other. */
const KEY_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** Random bytes that a key takes: one for each of its characters. */
export const LICENSE_KEY_BYTES = 16;

/** A key of 80 bits out of {@link LICENSE_KEY_BYTES} random bytes; 32 characters divide 256, so all are equally likely. */
export function licenseKeyOf(random: Uint8Array): string {
  const letters = Array.from(random.subarray(0, LICENSE_KEY_BYTES), (byte) => KEY_ALPHABET[byte % KEY_ALPHABET.length]);
  return letters.join('').replace(/.{4}(?=.)/g, '$&-');
}

/** A key as it is compared and hashed: in capitals. */
export function normalLicenseKey(key: string): string {
  return key.trim().toUpperCase();
}

/** The type of the signed statement that is a licence (DSSE). */
export const LICENSE_STATEMENT = 'application/vnd.lapwing.license+json';

/** A licence in a file, which its signature vouches for: nobody is asked. */
export const LicenseStatement = z.object({
  schema: z.literal(1),
  id: z.uuid(),
  email: LicenseEmail,
  /** SHA3-256 of the key as {@link normalLicenseKey} gives it, hexadecimal. */
  keyHash: z.string().regex(/^[0-9a-f]{64}$/),
  updatesExpireAt: z.iso.datetime({ offset: true }),
  issuedAt: z.iso.datetime({ offset: true }),
});
/** See {@link LicenseStatement}. */
export type LicenseStatement = z.infer<typeof LicenseStatement>;

/** The licence that is held. `valid` and `updatesActive` are separate: a licence stays valid when its updates have ended. */
export const License = z.object({
  valid: z.boolean(),
  email: z.string().nullable(),
  /** Until when new releases may be installed. */
  updatesExpireAt: Instant.nullable(),
  updatesActive: z.boolean(),
  /** Who vouches for it: this service, which issued it; a licence server; a signed file. Null without a licence. */
  source: z.enum(['issued', 'server', 'file']).nullable(),
});
/** See {@link License}. */
export type License = z.infer<typeof License>;

/** The licence that is held. */
export const licenseGet = request('req.updates.license.get.v1', { input: z.object({}), output: License });

/**
 * Checks a licence, and keeps it when it is valid. `INVALID_LICENSE` when nobody vouches for it, `UNAVAILABLE` when only a licence server could
 * and it is away.
 */
export const licenseValidate = request('req.updates.license.validate.v1', {
  input: z.object({ actor: Actor, email: LicenseEmail, licenseKey: LicenseKey }),
  output: License,
  deadlineMs: 20_000,
});

/** A licence that this service has issued. Its key is kept as a hash only. */
export const IssuedLicense = z.object({
  id: z.uuid(),
  email: z.string(),
  /** The first four characters of the key. */
  prefix: z.string(),
  updatesExpireAt: Instant,
  issuedAt: Instant,
  issuedBy: z.string(),
  revokedAt: Instant.nullable(),
});
/** See {@link IssuedLicense}. */
export type IssuedLicense = z.infer<typeof IssuedLicense>;

/** The licences that this service has issued, the newest first. */
export const issuedlicenseList = request('req.updates.issuedlicense.list.v1', {
  input: z.object({ limit: z.int().min(1).max(1000).default(1000) }),
  output: z.object({ licenses: z.array(IssuedLicense) }),
});

/** Issues a licence; the key is shown this once. */
export const issuedlicenseCreate = request('req.updates.issuedlicense.create.v1', {
  input: z.object({ actor: Actor, email: LicenseEmail, updatesExpireAt: Instant }),
  output: z.object({ license: IssuedLicense, licenseKey: LicenseKey }),
});

/** Takes a licence back; done again, it does no harm. `NOT_FOUND`. */
export const issuedlicenseRevoke = request('req.updates.issuedlicense.revoke.v1', {
  input: z.object({ actor: Actor, id: z.uuid() }),
  output: IssuedLicense,
});

/**
 * Whether a licence was issued here, for servers of others that ask: nothing is held, and nobody else is asked. `INVALID_LICENSE`.
 */
export const issuedlicenseCheck = request('req.updates.issuedlicense.check.v1', {
  input: z.object({ email: LicenseEmail, licenseKey: LicenseKey }),
  output: z.object({ updatesExpireAt: Instant }),
});
