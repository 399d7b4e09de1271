import { createHash, randomBytes } from 'node:crypto';

/** SHA3-256 of a credential, in hexadecimal: what is kept instead of it. */
export function hashOf(credential: string): string {
  return createHash('sha3-256').update(credential).digest('hex');
}

/** A new random credential of 256 bits, base64url. */
export function newCredential(): string {
  return randomBytes(32).toString('base64url');
}

/** A new API token: `pulse_` and 48 hexadecimal digits (192 bits). */
export function newApiToken(): string {
  return `pulse_${randomBytes(24).toString('hex')}`;
}

const LONG_ENOUGH = 24;

/** What may be shown of a token, to tell it from others; of a short one, that is little. */
export function hintOf(token: string): { prefix: string; suffix: string } {
  if (token.length >= LONG_ENOUGH) return { prefix: token.slice(0, 10), suffix: token.slice(-4) };
  return { prefix: token.slice(0, Math.min(2, Math.floor(token.length / 4))), suffix: '' };
}

const RECOVERY_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A new recovery code: ten characters (49 bits) that are hard to confuse, in two groups, e.g. `k7mqw-2xdpn`. */
export function newRecoveryCode(): string {
  const letters: string[] = [];
  while (letters.length < 10)
    // Bytes above the last full round are thrown away, so that each character is equally likely.
    for (const byte of randomBytes(16))
      if (letters.length < 10 && byte < 248) letters.push(RECOVERY_ALPHABET[byte % 31] ?? '');
  return `${letters.slice(0, 5).join('')}-${letters.slice(5).join('')}`;
}

/** A code as it is compared: without spaces and hyphens, in lower case. */
export function normalCode(code: string): string {
  return code.replace(/[\s-]/g, '').toLowerCase();
}
