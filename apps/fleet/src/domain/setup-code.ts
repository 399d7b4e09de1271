import { createHash } from 'node:crypto';

/** What a code is made of: no I, O, 0 and 1, which are mistaken for each other. */
export const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
/** Characters of a code. */
export const LENGTH = 6;
/** For how long a code is good. */
export const LIFE_MS = 300_000;
/** So many bad codes close an address for so long. */
export const MAX_FAILURES = 5;
export const LOCK_MS = 900_000;
/** Codes that may be open at the same time. */
export const MAX_OPEN = 20;

/** A code out of as many random bytes; 32 characters divide 256, so all are equally likely. */
export function codeOf(random: Uint8Array): string {
  return Array.from(random.subarray(0, LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

/** What is kept of a code: SHA3-256 over it with the type and the host for which alone it is good. */
export function hashOfCode(type: string, host: string, code: string): Buffer {
  return createHash('sha3-256').update([type, host, code.trim().toUpperCase()].join('\n')).digest();
}

/** Until when an address that failed so often stays closed; null while it may try. Times in milliseconds. */
export function lockedUntil(failures: number, lastAt: number, now: number): number | null {
  const until = lastAt + LOCK_MS;
  return failures >= MAX_FAILURES && until > now ? until : null;
}
