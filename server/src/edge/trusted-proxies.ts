import { readIpRange } from './ip-range.ts';

/** The one header that trusted proxies tell the client's address in. */
export const clientIpHeaders = ['x-forwarded-for', 'forwarded'] as const;
export type ClientIpHeader = (typeof clientIpHeaders)[number];

export interface ProxySettings {
  /** Canonical addresses and CIDRs. */
  trusted: readonly string[];
  header: ClientIpHeader;
}

/** Reads addresses and CIDRs separated by commas. Throws an Error that ends the sentence "NAME …". */
export function parseTrustedProxies(value: string): string[] {
  return value.split(',').map((item) => {
    const read = readIpRange(item.trim());
    if ('fault' in read) throw new Error(`must list IP addresses and CIDRs, separated by commas (${read.fault})`);
    if (read.range.endsWith('/0')) {
      throw new Error(`must not hold ${read.range}: anybody could then claim any address. List your proxies' own`);
    }
    return read.range;
  });
}
