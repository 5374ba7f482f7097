/** Header lines in the order they are sent: name, value, name, value. */
export type HeaderLines = readonly string[];

/** Where a client may claim to be; no request comes from there. */
const elsewhere = '198.51.100.4';
const elsewhere6 = '2001:db8:bad::4';

/** Other headers that servers somewhere take a client's address from. None is believed here. */
const otherHeaders = [
  'X-Real-IP',
  'X-Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'CF-Connecting-IPv6',
  'Fastly-Client-IP',
  'X-Original-Forwarded-For',
  'X-Forwarded',
  'Forwarded-For',
  'Client-IP',
  'X-Cluster-Client-IP',
  'X-Envoy-External-Address',
  'X-Azure-ClientIP',
  'X-Remote-Addr',
  'Remote-Addr',
];

/** What a client writes to pass for another address. `proxies`: what it knows of those before us, so as to write like one. */
export function spoofedHeaders(proxies: readonly string[]): Record<string, HeaderLines> {
  const both = (xForwardedFor: string, forwarded: string): HeaderLines => [
    'X-Forwarded-For',
    xForwardedFor,
    'Forwarded',
    forwarded,
  ];
  const single: Record<string, HeaderLines> = {
    'X-Forwarded-For': ['X-Forwarded-For', elsewhere],
    Forwarded: ['Forwarded', `for=${elsewhere};proto=https`],
    ...Object.fromEntries(otherHeaders.map((name) => [name, [name, elsewhere]])),
    Via: ['Via', `1.1 ${elsewhere}`],
    'PROXY in words': ['Proxy', `PROXY TCP4 ${elsewhere} 127.0.0.1 40000 443`],
    'X-Inksong': ['X-Inksong-Address', elsewhere, 'X-Inksong-Client-Address', elsewhere],
  };
  const claims = [elsewhere, ...proxies];
  return {
    'no header': [],
    ...single,
    'all headers at once': Object.values(single).flat(),
    'all headers, each twice': Object.values(single).flatMap((lines) => [...lines, ...lines]),
    'a list in one line': both(`${elsewhere}, 203.0.113.9`, `for=${elsewhere}, for=203.0.113.9`),
    'a list in several lines': [
      ...both(elsewhere, `for=${elsewhere}`),
      ...both('203.0.113.9, 192.0.2.9', 'for=203.0.113.9, for=192.0.2.9'),
    ],
    'names in other cases': ['x-forwarded-FOR', elsewhere, 'FORWARDED', `FOR=${elsewhere}`],
    'names with underscores': ['X_Forwarded_For', elsewhere, 'X_Real_IP', elsewhere],
    'what our proxies would write': both(claims.join(', '), claims.map((claim) => `for=${claim}`).join(', ')),
    'our proxies alone': both(
      ['127.0.0.1', ...proxies].join(', '),
      ['127.0.0.1', ...proxies].map((claim) => `for="${claim}:4711"`).join(', '),
    ),
    ports: both(`${elsewhere}:4711`, `for="${elsewhere}:4711"`),
    'IPv6 in brackets': both(`[${elsewhere6}]:4711`, `for="[${elsewhere6}]:4711"`),
    'bare IPv6': both(elsewhere6, `for=${elsewhere6}`),
    'IPv4 mapped into IPv6': both(`::ffff:${elsewhere}`, `for="[::ffff:${elsewhere}]"`),
    'a zone': both('fe80::1%lo', 'for="[fe80::1%lo]"'),
    'hidden and unknown': both('unknown, _hidden', 'for=unknown, for=_hidden'),
    'empty entries': both(', ,,', ', ;,;;'),
    'an empty value': both('', ''),
    'leading zeros': both('0198.051.0100.004', 'for=0198.051.0100.004'),
    'quotes left open': both('"', 'for="'),
    'quotes and a backslash left open': both('"\\', `for="${elsewhere}\\`),
    'a quote around a comma': both(`"${elsewhere},`, `for="${elsewhere},`),
    'names in one element twice': both(elsewhere, `for=${elsewhere};for=${elsewhere};by=${elsewhere}`),
    'a list of 400': both(
      Array.from({ length: 400 }, (_, index) => `10.0.0.${index % 256}`).join(','),
      Array.from({ length: 400 }, (_, index) => `for=10.0.0.${index % 256}`).join(','),
    ),
    'one entry of 5,000 characters': both('9'.repeat(5000), `for=${'9'.repeat(5000)}`),
    'headers named in Connection': [
      ...['Connection', 'close, X-Forwarded-For, Forwarded, X-Forwarded-Proto'],
      ...both(elsewhere, `for=${elsewhere}`),
    ],
    'another scheme': ['X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'elsewhere.example', 'X-Forwarded-Port', '80'],
  };
}
