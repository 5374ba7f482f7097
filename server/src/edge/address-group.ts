import ipaddr from 'ipaddr.js';

/**
 * Returns what requests of one client are counted under: an IPv4 address, or an IPv6 /64, which is what a single line is
 * given. An IPv4 address mapped into IPv6 is that IPv4 address.
 */
export function clientGroup(address: string): string {
  return groupOf(address, { ipv4Bits: 32, ipv6Bits: 64 });
}

/** Returns what is remembered as "signed in from here": an IPv4 /24, since providers hand out new addresses, or an IPv6 /64. */
export function neighbourhoodOf(address: string): string {
  return groupOf(address, { ipv4Bits: 24, ipv6Bits: 64 });
}

function groupOf(address: string, { ipv4Bits, ipv6Bits }: { ipv4Bits: number; ipv6Bits: number }): string {
  // All that is no address, as of a socket that is gone, counts as one client.
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return `${ipaddr.IPv4.networkAddressFromCIDR(`${parsed}/${ipv4Bits}`)}/${ipv4Bits}`;
  // Without its zone, which names an interface of this machine.
  const [plain = ''] = parsed.toString().split('%');
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${plain}/${ipv6Bits}`)}/${ipv6Bits}`;
}
