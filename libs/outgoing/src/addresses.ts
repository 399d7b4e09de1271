import { BlockList, isIPv6 } from 'node:net';

/**
 * Where a request may go: `public` addresses only, or also those of `private` networks and this machine. The latter is for
 * addresses that the operator of Lapwing wrote down, never for what a user typed.
 */
export type Reach = 'public' | 'private';

type Range = [network: string, prefix: number];

/** Never a server to talk to: unspecified, link-local (metadata of clouds), multicast, reserved. Source: RFC 6890. */
const NEVER: Range[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['100.100.100.200', 32],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128],
];

/** Private networks, carrier networks and this machine. Source: RFC 1918, 4193, 6598. */
const PRIVATE: Range[] = [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['::1', 128],
  ['fc00::', 7],
];

/** IPv6 that stands for an IPv4 address which it hides: NAT64, 6to4, Teredo. */
const HIDING: Range[] = [
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['2001::', 32],
];

function listOf(ranges: Range[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, isIPv6(network) ? 'ipv6' : 'ipv4');
  return list;
}

const never = listOf([...NEVER, ...HIDING]);
const notPublic = listOf(PRIVATE);

/**
 * Why no request may go to this address; undefined when it may.
 * @param address IPv4 or IPv6, as a resolver or a URL has it, without brackets.
 */
export function forbiddenReason(address: string, reach: Reach): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  const family = isIPv6(plain) ? 'ipv6' : 'ipv4';
  // ::ffff:7f00:1 is 127.0.0.1 written otherwise.
  if (family === 'ipv6' && /^(0*:)*:?(0*:)*ffff:/i.test(plain) && !mapped) return 'an IPv4 address in disguise';
  if (never.check(plain, family)) return 'a reserved or link-local address';
  if (reach === 'public' && notPublic.check(plain, family)) return 'an address of a private network';
  return undefined;
}
