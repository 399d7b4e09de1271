import { readFileSync } from 'node:fs';

/**
 * Reads a small file of /proc or /sys as text; undefined when it is not there or may not be read. These files come out of
 * the kernel's memory, so a synchronous read costs a fifth of an asynchronous one and does not wait for a disk.
 */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** Reads a file that holds one number; undefined when it does not. */
export function readNumber(file: string): number | undefined {
  const text = readText(file)?.trim();
  const value = text ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** What a counter gained a second; 0 when it went backwards (a wrap or a restart) or no time has passed. */
export function ratePerSecond(now: number, before: number, seconds: number): number {
  return seconds > 0 && now >= before ? Math.round((now - before) / seconds) : 0;
}

/** A share as percent, with two decimals, between 0 and 100. */
export function percentOf(part: number, whole: number): number {
  if (!(whole > 0)) return 0;
  return Math.round(Math.min(Math.max((part / whole) * 100, 0), 100) * 100) / 100;
}

/** Seconds of a clock that never goes backwards. */
export function monotonicSeconds(): number {
  return performance.now() / 1000;
}

/** The kernel's page size in bytes and its clock ticks a second, from the auxiliary vector (getauxval(3)). */
export function kernelConstants(): { pageSize: number; ticksPerSecond: number } {
  const found = { pageSize: 4096, ticksPerSecond: 100 };
  try {
    const vector = readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= vector.length; at += 16) {
      const type = Number(vector.readBigUInt64LE(at));
      const value = Number(vector.readBigUInt64LE(at + 8));
      if (type === 6) found.pageSize = value;
      if (type === 17) found.ticksPerSecond = value;
    }
  } catch {
    // not Linux, or hidden: the values of nearly every machine stand
  }
  return found;
}
