import { networkInterfaces } from 'node:os';
import type { PartOf, PartReader } from '../source.js';
import { monotonicSeconds, ratePerSecond, readText } from './proc.js';

type Counters = { name: string; rxBytes: number; txBytes: number };

/** Reads /proc/net/dev: cumulative bytes by interface, without the loopback and without the host's ends of containers' interfaces. */
export function parseNetDev(text: string): Counters[] {
  return text.split('\n').flatMap((line) => {
    const [name, figures] = line.split(':');
    if (!name || !figures) return [];
    const interfaceName = name.trim();
    if (interfaceName === 'lo' || interfaceName.startsWith('veth')) return [];
    const fields = figures.trim().split(/\s+/).map(Number);
    return [{ name: interfaceName, rxBytes: fields[0] ?? 0, txBytes: fields[8] ?? 0 }];
  });
}

/** Established TCP connections, IPv4 and IPv6, as the kernel counts them (`Tcp: CurrEstab` of /proc/net/snmp). */
export function parseConnections(text: string): number {
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Tcp:'));
  const index = names.split(' ').indexOf('CurrEstab');
  return Number(values.split(' ')[index] ?? 0) || 0;
}

const ADDRESSES_EVERY_SECONDS = 30;

/** Reads the interfaces: addresses, traffic, and the number of connections. */
export class NetworkReader implements PartReader<'network'> {
  readonly part = 'network';
  readonly everyMs = 0;
  readonly limitMs = 1000;
  readonly empty: PartOf<'network'> = { interfaces: [], connectionCount: 0 };
  #addresses: ReturnType<typeof networkInterfaces> = {};
  #addressesAt = Number.NEGATIVE_INFINITY;
  #before: { at: number; counters: Map<string, Counters> } = { at: 0, counters: new Map() };

  async read(): Promise<PartOf<'network'>> {
    const at = monotonicSeconds();
    if (at - this.#addressesAt > ADDRESSES_EVERY_SECONDS) {
      this.#addresses = networkInterfaces();
      this.#addressesAt = at;
    }
    const counters = parseNetDev(readText('/proc/net/dev') ?? '');
    const before = this.#before;
    this.#before = { at, counters: new Map(counters.map((entry) => [entry.name, entry])) };
    const interfaces = counters.map((entry) => {
      const last = before.counters.get(entry.name) ?? entry;
      return {
        ...entry,
        ipv4: this.#address(entry.name, 'IPv4'),
        ipv6: this.#address(entry.name, 'IPv6'),
        rxRate: ratePerSecond(entry.rxBytes, last.rxBytes, at - before.at),
        txRate: ratePerSecond(entry.txBytes, last.txBytes, at - before.at),
      };
    });
    return { interfaces, connectionCount: parseConnections(readText('/proc/net/snmp') ?? '') };
  }

  #address(name: string, family: 'IPv4' | 'IPv6'): string {
    return this.#addresses[name]?.find((address) => address.family === family)?.address ?? '';
  }
}
