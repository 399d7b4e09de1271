/** Whatever a server said, read leniently: Proxmox writes numbers as text here and there, and leaves out what it does not know. */
export type Json = Record<string, unknown>;

/** An object; an empty one for anything else. */
export function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** A list of objects; an empty one for anything else. At most so many, whatever a server sends. */
export function records(value: unknown, max = 20_000): Json[] {
  return Array.isArray(value) ? value.slice(0, max).map(record) : [];
}

/** More than anything here has; what is greater is nonsense, and sums of it would not be numbers any more. */
const MOST = Number.MAX_SAFE_INTEGER;

/** A number of at least zero; `otherwise` for what is none. */
export function amount(value: unknown, otherwise = 0): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.min(Math.max(number, 0), MOST) : otherwise;
}

/** A number of at least zero; undefined for what is none. */
export function known(value: unknown): number | undefined {
  const number = amount(value, Number.NaN);
  return Number.isNaN(number) ? undefined : number;
}

/** A whole number of at least zero. */
export function whole(value: unknown, otherwise = 0): number {
  return Math.min(Math.floor(amount(value, otherwise)), Number.MAX_SAFE_INTEGER);
}

/** Text on one line, without control characters, of a bounded length. */
export function text(value: unknown, max = 255): string {
  const string = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  return clip(string.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim(), max);
}

/** Text that may have lines. */
export function lines(value: unknown, max: number): string {
  const string = typeof value === 'string' ? value : '';
  return clip(string.replace(/[^\P{Cc}\n\t]+|\p{Cs}+/gu, ' ').trim(), max);
}

/** A truth value as Proxmox writes it: 1, "1" or true. */
export function truth(value: unknown): boolean {
  return value === true || value === 1 || value === '1' || value === 'true';
}

/** An instant out of seconds since 1970, in milliseconds; null for none. */
export function instant(seconds: unknown): number | null {
  const time = Math.round(amount(seconds) * 1000);
  return time > 0 && time <= 8.64e15 ? time : null;
}

/** How much of something is taken: `free` follows from the rest, and nothing is more than all. */
export function usage(total: number, used: number): { total: number; used: number; free: number } {
  const taken = Math.min(used, total);
  return { total, used: taken, free: total - taken };
}

function clip(string: string, max: number): string {
  return string.length > max ? string.slice(0, max).replace(/\p{Cs}$/u, '') : string;
}
