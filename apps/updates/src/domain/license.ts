import { normalLicenseKey, type License } from '@lapwing/contracts';
import { createHash } from 'node:crypto';

/** A licence in a file larger than this is none. Bytes. */
export const MAX_LICENSE_BYTES = 65_536;

/** A licence that somebody vouches for, or did. */
export interface HeldLicense {
  email: string;
  source: 'issued' | 'server' | 'file';
  /** Until when new releases may be installed. Milliseconds since 1970. */
  updatesExpireAt: number;
  /** Whether whoever vouches for it still does. */
  valid: boolean;
}

/** What is kept of a key: SHA3-256, hexadecimal. Upper and lower case are one. */
export function hashOfKey(key: string): string {
  return createHash('sha3-256').update(normalLicenseKey(key)).digest('hex');
}

/** Whether two addresses are one: upper and lower case are. */
export function isSameEmail(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}

/** The better of two licences: one that is valid, then the one that lasts longer; the first of equals. */
export function betterOf<L extends HeldLicense>(one: L | undefined, other: L | undefined): L | undefined {
  if (!one || !other) return one ?? other;
  if (one.valid !== other.valid) return one.valid ? one : other;
  return other.updatesExpireAt > one.updatesExpireAt ? other : one;
}

/**
 * Whether a licence covers new releases.
 * @param now milliseconds since 1970, by a clock that is no earlier than what was signed and seen.
 */
export function updatesActive(license: HeldLicense | undefined, now: number): boolean {
  return license !== undefined && license.valid && license.updatesExpireAt > now;
}

/**
 * Why nothing new may be installed, in words; undefined when it may. Nothing else that Lapwing does asks this.
 * @param required whether a licence is wanted; without, only one that has ended stands in the way.
 * @param now as for {@link updatesActive}.
 */
export function mayUpdate({
  license,
  required,
  now,
}: {
  license: HeldLicense | undefined;
  required: boolean;
  now: number;
}): string | undefined {
  if (!license) return required ? 'there is no licence, and this server wants one for updates' : undefined;
  if (!license.valid) return 'the licence was taken back by whoever issued it';
  if (updatesActive(license, now)) return undefined;
  return `the updates of the licence ended at ${new Date(license.updatesExpireAt).toISOString()}`;
}

/** What is told of the licence that is held. */
export function shownLicense(license: HeldLicense | undefined, now: number): License {
  if (!license) return { valid: false, email: null, updatesExpireAt: null, updatesActive: false, source: null };
  const { valid, email, updatesExpireAt, source } = license;
  return { valid, email, updatesExpireAt, updatesActive: updatesActive(license, now), source };
}
