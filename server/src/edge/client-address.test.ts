import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { createReadClient, type ReadClient } from './client-address.ts';
import type { ClientIpHeader } from './trusted-proxies.ts';

const trusted = ['10.1.0.0/16', '192.0.2.1', '2001:db8:1::/48'];
const proxy = '10.1.0.1';

function reader(header: ClientIpHeader, told: string[] = []): ReadClient {
  return createReadClient({ trusted, header }, (peer, name) => void told.push(`${peer} ${name}`));
}

function ask(read: ReadClient, peer: string | undefined, lines: readonly [name: string, value: string][]) {
  return read({ socket: { remoteAddress: peer } as Socket, rawHeaders: lines.flat() });
}

const byXff = (value: string, peer = proxy) => ask(reader('x-forwarded-for'), peer, [['X-Forwarded-For', value]]);
const byForwarded = (value: string, peer = proxy) => ask(reader('forwarded'), peer, [['Forwarded', value]]);
const known = (address: string, scheme: string | null = null) => ({ address, isKnown: true, scheme });
const unknown = { address: proxy, isKnown: false, scheme: null };

test('without a trusted peer the address is the socket’s, an IPv4 client on a dual-stack socket as IPv4', () => {
  const read = reader('x-forwarded-for');
  assert.deepEqual(ask(read, '203.0.113.7', []), known('203.0.113.7'));
  assert.deepEqual(ask(read, '::ffff:203.0.113.7', []), known('203.0.113.7'));
  assert.deepEqual(ask(read, '2001:DB8::7', []), known('2001:db8::7'));
  assert.deepEqual(ask(read, undefined, []), { address: '', isKnown: false, scheme: null });
});

test('a trusted peer on a dual-stack socket is trusted too', () => {
  assert.deepEqual(byXff('203.0.113.7', '::ffff:10.1.0.1'), known('203.0.113.7'));
  assert.deepEqual(byXff('203.0.113.7', '2001:db8:1::5'), known('203.0.113.7'));
  assert.deepEqual(byXff('203.0.113.7', '2001:db8:2::5'), known('2001:db8:2::5'));
});

test('headers of every kind from an untrusted peer change nothing', () => {
  const name = fc.constantFrom('X-Forwarded-For', 'x-forwarded-for', 'Forwarded', 'X-Forwarded-Proto', 'X-Real-IP');
  const value = fc.oneof(
    fc.constantFrom('10.1.0.1', 'for=10.1.0.1;proto=http', '203.0.113.7, 10.1.0.1', 'unknown', '', 'http', '"'),
    fc.string({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 5 }), fc.constantFrom(...headers), (lines, header) => {
      assert.deepEqual(ask(reader(header), '203.0.113.9', lines), known('203.0.113.9'));
    }),
    { numRuns: 5_000 },
  );
});

const headers = ['x-forwarded-for', 'forwarded'] as const;

test('one header is believed, never the other', () => {
  const lines: [string, string][] = [
    ['X-Forwarded-For', '203.0.113.7'],
    ['X-Forwarded-Proto', 'https'],
    ['Forwarded', 'for=198.51.100.4;proto=http'],
    ['X-Real-IP', '192.0.2.99'],
    ['True-Client-IP', '192.0.2.98'],
  ];
  assert.deepEqual(ask(reader('x-forwarded-for'), proxy, lines), known('203.0.113.7', 'https'));
  assert.deepEqual(ask(reader('forwarded'), proxy, lines), known('198.51.100.4', 'http'));
  const [, , other] = lines;
  assert.deepEqual(ask(reader('x-forwarded-for'), proxy, other ? [other] : []), known(proxy));
  assert.deepEqual(ask(reader('forwarded'), proxy, lines.slice(0, 2)), known(proxy));
});

test('X-Forwarded-For is walked from the right past trusted peers, and no further', () => {
  const cases: [string, ReturnType<typeof byXff>][] = [
    ['203.0.113.7', known('203.0.113.7')],
    ['203.0.113.7, 10.1.2.3', known('203.0.113.7')],
    ['203.0.113.7, 10.1.2.3,192.0.2.1', known('203.0.113.7')],
    ['198.51.100.4, 203.0.113.7', known('203.0.113.7')],
    ['10.1.9.9, 203.0.113.7, 10.1.2.3', known('203.0.113.7')],
    ['junk, , "; drop, 203.0.113.7', known('203.0.113.7')],
    ['10.1.7.7', known('10.1.7.7')],
    ['10.1.8.8, 10.1.7.7', known('10.1.8.8')],
    ['203.0.113.7:50123', known('203.0.113.7')],
    ['2001:DB8::7', known('2001:db8::7')],
    ['[2001:db8::7]', known('2001:db8::7')],
    ['[2001:db8::7]:443', known('2001:db8::7')],
    ['::ffff:203.0.113.7', known('203.0.113.7')],
    ['203.0.113.7\t', known('203.0.113.7')],
    ['203.0.113.7, 2001:db8:1::5', known('203.0.113.7')],
    ...malformedEntries.flatMap((entry): [string, typeof unknown][] => [
      [entry, unknown],
      [`203.0.113.7, ${entry}`, unknown],
      [`${entry}, 10.1.2.3`, unknown],
    ]),
  ];
  for (const [value, wanted] of cases) assert.deepEqual(byXff(value), wanted, value);
});

const malformedEntries = [
  '',
  'unknown',
  '_hidden',
  'client.example.com',
  '010.0.0.1',
  '203.0.113.256',
  '203.0.113',
  '0x7f000001',
  '2130706433',
  '203.0.113.7:',
  '203.0.113.7:x',
  '203.0.113.7 198.51.100.4',
  '203.0.113.7;198.51.100.4',
  '203.0.113.0/24',
  '"203.0.113.7"',
  'for=203.0.113.7',
  '[203.0.113.7',
  '[2001:db8::7',
  '2001:db8::7]:443',
  'fe80::1%eth0',
  '[fe80::1%25eth0]',
];

test('Forwarded is read from the right too, quotes and all', () => {
  const cases: [string, ReturnType<typeof byForwarded>][] = [
    ['for=203.0.113.7', known('203.0.113.7')],
    ['For="203.0.113.7:4711";Proto=HTTPS;by=10.1.0.1', known('203.0.113.7', 'https')],
    ['for="[2001:DB8::7]"', known('2001:db8::7')],
    ['for="[2001:db8::7]:443"', known('2001:db8::7')],
    ['for="\\[2001:db8::7]"', known('2001:db8::7')],
    ['proto=https;for=203.0.113.7', known('203.0.113.7', 'https')],
    ['for=203.0.113.7; proto=https ;', known('203.0.113.7', 'https')],
    ['for=203.0.113.7;proto=https, for=10.1.2.3;proto=http', known('203.0.113.7', 'https')],
    ['for=198.51.100.4, for=203.0.113.7', known('203.0.113.7')],
    ['for=198.51.100.4, for=203.0.113.7, for="10.1.2.3:1"', known('203.0.113.7')],
    // What a client left open cannot swallow what a proxy added.
    ['for=", for=203.0.113.7', known('203.0.113.7')],
    ['for="a\\", for=203.0.113.7', known('203.0.113.7')],
    ['for="x, for="[2001:db8::7]"', known('2001:db8::7')],
    ['for="a,b;c";by="\\"", for=203.0.113.7;host="a,for=198.51.100.4"', known('203.0.113.7')],
    ['for=10.1.7.7', known('10.1.7.7')],
    ['for=unknown', unknown],
    ['for="_gazonk"', unknown],
    ['for=203.0.113.7;for=198.51.100.4', unknown],
    ['by=10.1.0.1', unknown],
    ['proto=https', { ...unknown, scheme: 'https' }],
    ['for=2001:db8::7', unknown],
    ['for="2001:db8::7"', unknown],
    ['for=203.0.113.7,', unknown],
    ['for = 203.0.113.7', unknown],
    ['for="203.0.113.7', unknown],
    ['203.0.113.7', unknown],
    ['', unknown],
    ['for=203.0.113.7, for="junk', unknown],
  ];
  for (const [value, wanted] of cases) assert.deepEqual(byForwarded(value), wanted, value);
});

test('several lines of a header are one list, in the order they came', () => {
  const xff = reader('x-forwarded-for');
  const lines = (...values: string[]) => values.map((value): [string, string] => ['x-forwarded-FOR', value]);
  assert.deepEqual(ask(xff, proxy, lines('198.51.100.4', '203.0.113.7')), known('203.0.113.7'));
  assert.deepEqual(ask(xff, proxy, lines('203.0.113.7', '10.1.2.3', '10.1.2.4')), known('203.0.113.7'));
  const forwarded = reader('forwarded');
  assert.deepEqual(
    ask(forwarded, proxy, [
      ['Forwarded', 'for="'],
      ['Other', 'for=192.0.2.99'],
      ['forwarded', 'for=203.0.113.7'],
    ]),
    known('203.0.113.7'),
  );
});

test('the scheme is the one that the proxy nearest to the client was asked by', () => {
  const schemeOf = (forwardedFor: string[], proto: string[]) =>
    ask(reader('x-forwarded-for'), proxy, [
      ...forwardedFor.map((value): [string, string] => ['X-Forwarded-For', value]),
      ...proto.map((value): [string, string] => ['X-Forwarded-Proto', value]),
    ]).scheme;
  assert.equal(schemeOf(['203.0.113.7'], ['HTTP']), 'http');
  assert.equal(schemeOf(['203.0.113.7'], []), null);
  assert.equal(schemeOf([], ['http']), 'http');
  assert.equal(schemeOf(['203.0.113.7, 10.1.2.3'], ['https']), 'https');
  assert.equal(schemeOf(['203.0.113.7, 10.1.2.3'], ['https, http']), 'https');
  assert.equal(schemeOf(['203.0.113.7'], ['https, http']), 'http', 'what the client wrote is further left');
});

/** Chains as proxies write them: who each saw, nearest to the client first, with anything a client may have put before. */
const hop = fc.record({
  trusted: fc.boolean(),
  last: fc.nat(250),
  kind: fc.constantFrom('ipv4', 'ipv4 with port', 'ipv6', 'ipv6 with port', 'malformed'),
});

test('random chains through both headers give the first address from the right that no trusted proxy has', () => {
  const junk = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('for="', '10.1.2.3', 'for=10.1.2.3', '\\', '"'));
  fc.assert(
    fc.property(fc.array(hop, { maxLength: 5 }), fc.array(junk, { maxLength: 3 }), (hops, spoofed) => {
      let wanted = known(proxy);
      let isDecided = false;
      for (const { trusted: isTrusted, last, kind } of hops.toReversed()) {
        if (isDecided) break;
        const address = kind.startsWith('ipv6')
          ? `2001:db8:${isTrusted ? 1 : 2}::${(last + 1).toString(16)}`
          : `${isTrusted ? '10.1' : '203.0'}.113.${last}`;
        wanted = kind === 'malformed' ? { ...unknown } : known(address);
        isDecided = kind === 'malformed' || !isTrusted;
      }
      // Whoever is the first decides; without one, what was spoofed would be the trusted proxies' own word.
      const before = isDecided ? spoofed : [];
      const xff = [...before, ...hops.map((each) => nodeText(each, 'x-forwarded-for'))];
      const forwarded = [...before, ...hops.map((each) => `for=${nodeText(each, 'forwarded')}`)];
      if (hops.length === 0) return;
      assert.deepEqual(byXff(xff.join(', ')), wanted, xff.join(', '));
      assert.deepEqual(byForwarded(forwarded.join(',')), wanted, forwarded.join(','));
    }),
    { numRuns: 20_000 },
  );
});

function nodeText(
  { trusted: isTrusted, last, kind }: { trusted: boolean; last: number; kind: string },
  header: string,
) {
  const ipv4 = `${isTrusted ? '10.1' : '203.0'}.113.${last}`;
  const ipv6 = `[2001:DB8:${isTrusted ? 1 : 2}:0:0::${(last + 1).toString(16)}]`;
  const quoted = (text: string) => (header === 'forwarded' ? `"${text}"` : text);
  switch (kind) {
    case 'ipv4':
      return ipv4;
    case 'ipv4 with port':
      return quoted(`${ipv4}:${last}`);
    case 'ipv6':
      return quoted(ipv6);
    case 'ipv6 with port':
      return quoted(`${ipv6}:443`);
    default:
      return quoted('unknown');
  }
}

test('a request keeps its first answer, though its socket is gone meanwhile', () => {
  const read = reader('x-forwarded-for');
  const request = { socket: { remoteAddress: '203.0.113.7' as string | undefined }, rawHeaders: [] };
  assert.deepEqual(read(request as never), known('203.0.113.7'));
  request.socket.remoteAddress = undefined;
  assert.deepEqual(read(request as never), known('203.0.113.7'));
});

test('a private peer that is not trusted, yet says for whom it asks, is told of once; others are not', () => {
  const told: string[] = [];
  const read = reader('x-forwarded-for', told);
  ask(read, '203.0.113.7', [['X-Forwarded-For', '198.51.100.4']]);
  ask(read, proxy, [['X-Forwarded-For', '198.51.100.4']]);
  ask(read, '10.9.0.1', [['User-Agent', 'x']]);
  assert.deepEqual(told, []);
  ask(read, '10.9.0.1', [['Forwarded', 'for=198.51.100.4']]);
  ask(read, '127.0.0.1', [['X-Forwarded-For', '198.51.100.4']]);
  assert.deepEqual(told, ['10.9.0.1 forwarded']);
});
