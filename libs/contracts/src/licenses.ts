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
