import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { withoutSecrets } from '../without-secrets.ts';

/** One address or CIDR as a person wrote it: its one canonical spelling, or what is wrong with it. */
export type ReadIpRange = { range: string } | { fault: string };

interface Fault {
  what: string;
  /** The text without this fault; it may have others. Null when nobody can tell what was meant. */
  repaired: string | null;
}

/** No text has more faults than there are kinds of them. */
const maxRepairs = 8;
const shownLength = 60;

/**
 * Reads `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32` or `2001:db8::1`. Whatever programs read differently is refused, with
 * the form that was probably meant.
 */
export function readIpRange(text: string): ReadIpRange {
  const fault = faultOf(text);
  if (!fault) return { range: canonical(text) };
  const meant = repair(fault.repaired);
  return { fault: `${shown(text)} ${fault.what}${meant === null ? '.' : `; did you mean ${meant}?`}` };
}

function repair(text: string | null): string | null {
  for (let repairs = 0; text !== null && repairs < maxRepairs; repairs++) {
    const fault = faultOf(text);
    if (!fault) return canonical(text);
    text = fault.repaired;
  }
  return null;
}

/** Returns the first thing wrong with a text; null when it is an address or a CIDR without doubt. */
function faultOf(text: string): Fault | null {
  if (text !== text.trim()) return { what: 'has spaces around it', repaired: text.trim() };
  const [, inBrackets, afterBrackets = ''] = /^\[([^\]]*)\](?::\d*)?(\/.*)?$/.exec(text) ?? [];
  if (inBrackets !== undefined) return { what: 'is written as in a URL', repaired: inBrackets + afterBrackets };
  const [, beforePort] = /^(\d+(?:\.\d+){3}):\d*$/.exec(text) ?? [];
  if (beforePort !== undefined) return { what: 'has a port', repaired: beforePort };
  if (text.includes('%')) {
    return { what: 'has a zone, which only means something on one machine', repaired: text.replace(/%[^/]*/, '') };
  }

  const [address = '', prefix, ...more] = text.split('/');
  if (more.length > 0) return { what: 'is not an IP address or range', repaired: null };
  const withAddress = (other: string) => (prefix === undefined ? other : `${other}/${prefix}`);
  if (/^\d+(\.\d+){3}$/.test(address) && /(^|\.)0\d/.test(address)) {
    return {
      what: 'has leading zeros, which some programs read as octal',
      repaired: withAddress(address.replace(/(^|\.)0+(?=\d)/g, '$1')),
    };
  }
  if (isIP(address) === 0) return { what: 'is not an IP address or range', repaired: null };
  if (prefix !== undefined) {
    const fault = prefixFaultOf(address, prefix);
    if (fault) return fault;
  }
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) {
    const length = Number(prefix ?? 128) - 96;
    return {
      what: 'is IPv4 written as IPv6',
      repaired: length >= 0 ? `${parsed.toIPv4Address()}/${length}` : null,
    };
  }
  if (prefix === undefined) return null;
  const network = networkOf(address, prefix);
  return parsed.toString() === network ? null : { what: 'has host bits set', repaired: `${network}/${prefix}` };
}

function prefixFaultOf(address: string, prefix: string): Fault | null {
  const bits = isIPv4(address) ? 32 : 128;
  if (prefix === '') return { what: 'has no prefix length after its slash', repaired: address };
  if (/^0\d+$/.test(prefix)) {
    return {
      what: 'has leading zeros in its prefix length',
      repaired: `${address}/${prefix.replace(/^0+(?=\d)/, '')}`,
    };
  }
  if (isIPv4(address) && isIPv4(prefix)) {
    const length = ipaddr.IPv4.parse(prefix).prefixLengthFromSubnetMask();
    return {
      what: 'has a mask instead of a prefix length',
      repaired: length === null ? null : `${address}/${length}`,
    };
  }
  if (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits) return null;
  return { what: `has a prefix length that is not 0 to ${bits}`, repaired: null };
}

/** RFC 5952 for IPv6; a range of one address is that address. */
function canonical(text: string): string {
  const [address = '', prefix] = text.split('/');
  const bits = isIPv4(address) ? 32 : 128;
  const plain = ipaddr.parse(address).toString();
  return prefix === undefined || Number(prefix) === bits ? plain : `${plain}/${prefix}`;
}

function networkOf(address: string, prefix: string): string {
  const family = isIPv4(address) ? ipaddr.IPv4 : ipaddr.IPv6;
  return family.networkAddressFromCIDR(`${address}/${prefix}`).toString();
}

/** People paste anything, keys too. */
function shown(text: string): string {
  if (/^[\da-f:./]{1,60}$/i.test(text)) return text;
  return JSON.stringify(withoutSecrets(text).slice(0, shownLength).toWellFormed());
}
