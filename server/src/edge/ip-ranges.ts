import { BlockList, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Parsing takes longer than all the rest, and nearly no address needs it. */
const mayBeMapped = /^[0:]+:ffff:/i;

export interface IpRanges {
  /** Tells whether an address lies in one of the ranges; never for what is no address. IPv4 mapped into IPv6 is IPv4. */
  has(address: string): boolean;
}

/** Returns the union of ranges in the form that `readIpRange` gives. */
export function createIpRanges(ranges: readonly string[]): IpRanges {
  // One list a family: in a common one, an IPv4 address would lie in ::/0.
  const ipv4 = new BlockList();
  const ipv6 = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    // Without its family, an IPv6 address is silently never found.
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const list = family === 'ipv4' ? ipv4 : ipv6;
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return {
    has(address) {
      if (isIPv4(address)) return ipv4.check(address, 'ipv4');
      if (!isIPv6(address)) return false;
      // Without its zone, which names an interface of this machine.
      const [plain = ''] = address.split('%', 1);
      const ipv4Address = mayBeMapped.test(plain) ? ipaddr.process(plain) : null;
      return ipv4Address?.kind() === 'ipv4' ? ipv4.check(ipv4Address.toString(), 'ipv4') : ipv6.check(plain, 'ipv6');
    },
  };
}
