/** The 32-bit FNV-1a hash of a text (http://www.isthe.com/chongo/tech/comp/fnv/): what a made-up thing is comes from its name alone. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash, 0);
}

/** A new hash from a hash and a number, by the finalizer of MurmurHash3: 0 to 2³² − 1, all bits equally likely. */
export function mix(seed: number, salt: number): number {
  let hash = seed ^ Math.imul(salt + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A number from 0 up to 1, spread evenly over salts. */
export const unit = (seed: number, salt: number): number => mix(seed, salt) / 2 ** 32;

/** A number between two others. */
export const between = (seed: number, salt: number, low: number, high: number): number =>
  low + (high - low) * unit(seed, salt);

/** One of several. */
export function pick<T>(seed: number, salt: number, several: readonly [T, ...T[]]): T {
  return several[mix(seed, salt) % several.length] ?? several[0];
}

/** So many hexadecimal digits. */
export function hex(seed: number, salt: number, digits: number): string {
  let text = '';
  for (let word = 0; text.length < digits; word++) text += mix(mix(seed, salt), word).toString(16).padStart(8, '0');
  return text.slice(0, digits);
}
