import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Where a request may go: `public` addresses only, or also those of `private` networks and this machine. The latter is for
 * addresses that the operator of Lapwing wrote down, never for what a user typed. With `networks`: public addresses, and those of exactly
 * these networks (see {@link isNetwork}), for what users type where the operator has said how far they may go. This machine is among
 * them only where a network within 127.0.0.0/8 or ::1/128 is listed.
 */
export type Reach = 'public' | 'private' | { networks: readonly string[] };

type Range = [network: string, prefix: number];

/** Never a server to talk to: unspecified, link-local (metadata of clouds), multicast, reserved. Source: RFC 6890, 3879. */
const NEVER: Range[] = [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['100.100.100.200', 32],
  ['::', 128],
  ['fe80::', 10],
  ['fec0::', 10],
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

/** This machine. */
const LOOPBACK: Range[] = [
  ['127.0.0.0', 8],
  ['::1', 128],
];

function listOf(ranges: Range[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, isIPv6(network) ? 'ipv6' : 'ipv4');
  return list;
}

const compatible = listOf([['::', 96]]);
const never = listOf([...NEVER, ...HIDING]);
const notPublic = listOf(PRIVATE);
const loopback = listOf(LOOPBACK);

type Family = 'ipv4' | 'ipv6';
const familyOf = (address: string): Family => (isIPv6(address) ? 'ipv6' : 'ipv4');

/**
 * Why no request may go to this address; undefined when it may.
 * @param address IPv4 or IPv6, as a resolver or a URL has it, without brackets.
 */
export function forbiddenReason(address: string, reach: Reach): string | undefined {
  const unscoped = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(unscoped)?.[1];
  const plain = mapped ?? unscoped;
  const family = familyOf(plain);
  // ::ffff:7f00:1 is 127.0.0.1 written otherwise.
  if (family === 'ipv6' && /^(0*:)*:?(0*:)*ffff:/i.test(plain) && !mapped) return 'an IPv4 address in disguise';
  // ::a.b.c.d, which nobody uses any more; ::1 looks like it.
  if (family === 'ipv6' && compatible.check(plain, family) && !loopback.check(plain, family))
    return 'an IPv4 address in disguise';
  if (never.check(plain, family)) return 'a reserved or link-local address';
  if (reach === 'private' || !notPublic.check(plain, family)) return undefined;
  if (reach !== 'public' && isListed(plain, family, reach.networks)) return undefined;
  return 'an address of a private network';
}

/** Whether this is a network as operators write it: `10.1.0.0/16`, `fd12::/64`, or one address. */
export function isNetwork(text: string): boolean {
  return networkOf(text) !== undefined;
}

function networkOf(text: string): Range | undefined {
  const [network = '', prefix, ...rest] = text.trim().split('/');
  if (isIP(network) === 0 || network.includes('%') || rest.length > 0) return undefined;
  const bits = isIPv6(network) ? 128 : 32;
  if (prefix === undefined) return [network, bits];
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits ? [network, Number(prefix)] : undefined;
}

/** Made once for each list that an operator has written: they do not change. */
const known = new WeakMap<readonly string[], { local: BlockList; other: BlockList }>();

function isListed(address: string, family: Family, networks: readonly string[]): boolean {
  let lists = known.get(networks);
  if (!lists) {
    const ranges = networks.map(networkOf).filter((range) => range !== undefined);
    // 0.0.0.0/0 is somebody's word for "everywhere else", not for the services that listen on this machine alone.
    const isLocal = ([network, prefix]: Range): boolean =>
      loopback.check(network, familyOf(network)) && prefix >= (isIPv6(network) ? 128 : 8);
    lists = { local: listOf(ranges.filter(isLocal)), other: listOf(ranges.filter((range) => !isLocal(range))) };
    known.set(networks, lists);
  }
  return (loopback.check(address, family) ? lists.local : lists.other).check(address, family);
}
