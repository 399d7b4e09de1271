import { machine, release, uptime } from 'node:os';
import type { Host } from '../../store/host.js';
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
  readonly empty: PartOf<'system'>;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
    const os = readText(host.path('/etc/os-release')) ?? readText(host.path('/usr/lib/os-release')) ?? '';
    this.empty = {
      hostname: host.name,
      kernel: release(),
      uptime: 0,
      architecture: machine(),
      platform: process.platform,
      distro: parseOsRelease(os),
    };
  }

  async read(): Promise<PartOf<'system'>> {
    const seconds = Number((readText(`${this.#host.proc}/uptime`) ?? '').split(' ')[0]) || uptime();
    return { ...this.empty, hostname: this.#host.name, uptime: Math.floor(seconds) };
  }
}
