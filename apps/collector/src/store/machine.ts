import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Host } from './host.js';

/** The address of the first card that is built in (not made up by software, which sets the second bit), or ''. */
function firstCard(): string {
  const cards = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const built = cards.filter(({ internal, mac }) => !internal && (Number.parseInt(mac.slice(0, 2), 16) & 2) === 0);
  return built.map(({ mac }) => mac).toSorted()[0] ?? '';
}

/** What the system calls this machine; '' where it has no such name. Source: machine-id(5). */
export function machineId(host: Host): string {
  return host.line('/etc/machine-id') || host.line('/var/lib/dbus/machine-id');
}

/**
 * What tells this machine from its copies: SHA-256, hexadecimal. A copied disk has the same machine-id; the number of the (virtual)
 * mainboard, or where it cannot be read the address of a network card, differs. Source: machine-id(5), SMBIOS system UUID.
 */
export function machineFingerprint(host: Host): string {
  const id = machineId(host) || host.name;
  const board = host.line('/sys/class/dmi/id/product_uuid') || firstCard();
  return createHash('sha256').update(`lapwing machine\n${id}\n${board}`).digest('hex');
}
