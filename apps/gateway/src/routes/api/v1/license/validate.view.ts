import { LicenseEmail, LicenseKey } from '@lapwing/contracts';
import { z } from 'zod';
import { isoTime } from '../../../../http/answer.js';
import { isoSeconds } from '../../../../http/query.js';

/** A licence that is to be checked. */
export const LicenseBody = z.object({ email: LicenseEmail, licenseKey: LicenseKey });

/** A licence that somebody vouches for. */
export const ValidView = z.object({
  valid: z.literal(true),
  message: z.literal('License validated'),
  updatesExpireAt: isoTime,
});

/** Says until when a licence covers new releases (milliseconds since 1970). */
export function toValidView(updatesExpireAt: number): z.infer<typeof ValidView> {
  return { valid: true, message: 'License validated', updatesExpireAt: isoSeconds(updatesExpireAt) };
}
