/**
 * The addresses of hosts in an IPv4 network: without the network's own and the broadcast address, where it has them.
 * @param cidr e.g. `192.168.1.0/24`; networks larger than /22 give nothing.
 */
export function addressesOf(cidr: string): string[] {
  const [, network = '', bits = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(cidr) ?? [];
  const octets = network.split('.').map(Number);
  const prefix = Number(bits);
  if (octets.length !== 4 || octets.some((octet) => !(octet <= 255)) || prefix < 22 || prefix > 32) return [];
  const size = 2 ** (32 - prefix);
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const first = value - (value % size);
  const skip = size > 2 ? 1 : 0;
  return Array.from({ length: size - 2 * skip }, (_, index) => {
    const address = first + skip + index;
    return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
  });
}
