import { hostname, machine, release, uptime } from 'node:os';
import type { PartOf, PartReader } from '../source.js';
import { readText } from './proc.js';

/** The name of the distribution, out of os-release(5). */
export function parseOsRelease(text: string): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text)?.[1] ?? 'Linux';
}

/** Reads what the host is. */
export class SystemReader implements PartReader<'system'> {
  readonly part = 'system';
  readonly everyMs = 0;
  readonly limitMs = 1000;
  readonly #distro = parseOsRelease(readText('/etc/os-release') ?? readText('/usr/lib/os-release') ?? '');
  readonly empty: PartOf<'system'> = {
    hostname: hostname(),
    kernel: release(),
    uptime: 0,
    architecture: machine(),
    platform: process.platform,
    distro: this.#distro,
  };

  async read(): Promise<PartOf<'system'>> {
    const seconds = Number((readText('/proc/uptime') ?? '').split(' ')[0]) || uptime();
    return { ...this.empty, hostname: hostname(), uptime: Math.floor(seconds) };
  }
}
