import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientIpHeaders } from '../../src/edge/trusted-proxies.ts';
import { bootServer } from '../boot.ts';
import { proxyNames } from './proxies.ts';
import { type Chain, chainAddresses, startChain, startSilentProxy } from './proxy-chains.ts';
import { spoofedHeaders } from './spoofed-headers.ts';
import { agreement, hearWitnesses } from './witnesses.ts';

const hopCounts = [0, 1, 2] as const;
/** `around`: past the proxies that are trusted, straight to the server. */
const ways = ['direct', 'around', ...proxyNames] as const;
type Way = (typeof ways)[number];

/** The addresses our proxies ask from, by how many of them are trusted. */
const trusted = { 0: '', 1: '127.0.0.1, 127.0.0.2', 2: '127.0.0.1, 127.0.0.2/31' };
const settings = { INKSONG_PUBLIC_URL: 'https://api.example.com', INKSONG_RATE_LIMIT_AUTH: '100000/hour' };

let cells = 0;
let cases = 0;

for (const hops of hopCounts) {
  for (const header of clientIpHeaders) {
    test(`through ${hops} trusted proxies, ${header} believed, whatever is spoofed, allowlist, limiter, event and log agree (C13)`, async (t) => {
      const server = await bootServer(t, {
        ...settings,
        INKSONG_CLIENT_IP_HEADER: header,
        ...(hops > 0 && { INKSONG_TRUSTED_PROXIES: trusted[hops] }),
      });
      const guest = await server.register();
      // Where none is trusted, one stands in front all the same.
      const chainOf = (inner: (typeof proxyNames)[number]) =>
        startChain(t, { hops: hops === 0 ? 1 : hops, inner, header, server: server.url });
      const played: Chain = { origin: server.url, addresses: ['127.0.0.3', '127.0.0.2'].slice(2 - hops) };

      for (const [index, way] of ways.entries()) {
        if (hops === 0 && way === 'around') continue;
        const chain = way === 'direct' || way === 'around' ? played : await chainOf(way);
        const network = `127.0.${10 + index}`;
        const list = Object.entries(spoofedHeaders(chain.addresses)).map(([name, lines], place) => {
          const client = `${network}.${place + 1}`;
          return { name, ...arrival(way, chain, client, lines, hops) };
        });
        const stranger = await server.register();
        const heard = await hearWitnesses({ origin: chain.origin, server, guest, stranger }, list);
        assert.deepEqual(heard, agreement(list), `${hops} trusted, ${header}, ${way}`);
        cells += 1;
        cases += list.length;
      }
    });
  }
}

/** Returns what is sent from where, and who the server should take it for. */
function arrival(way: Way, { addresses }: Chain, client: string, lines: readonly string[], hops: number) {
  if (way === 'around' || (way === 'direct' && hops === 0)) return { lines, from: client, expected: client };
  // The proxy that nobody trusts is the client.
  if (hops === 0) return { lines, from: client, expected: addresses.at(-1) ?? '' };
  if (way !== 'direct') return { lines, from: client, expected: client };
  // What proxies would add: each names whoever asked it.
  const told = [client, ...addresses.slice(0, -1)];
  const added = ['X-Forwarded-For', told.join(', '), 'Forwarded', told.map((each) => `for=${each}`).join(', ')];
  return {
    lines: [...withoutHeader(lines, 'x-forwarded-proto'), ...added],
    from: addresses.at(-1) ?? '',
    expected: client,
  };
}

function withoutHeader(lines: readonly string[], name: string): string[] {
  return lines.filter((_, index) => lines[index - (index % 2)]?.toLowerCase() !== name);
}

test('of two proxies in a row the outer one, when it is not listed, is taken for the client, and never whom it tells of (C13)', async (t) => {
  for (const header of clientIpHeaders) {
    for (const inner of proxyNames) {
      // The proxies' addresses are known before they start.
      const [outerAddress, innerAddress] = chainAddresses(2, inner);
      const server = await bootServer(t, {
        // The inner one was asked over http, by somebody who is nobody's proxy.
        INKSONG_PUBLIC_URL: 'http://localhost',
        INKSONG_RATE_LIMIT_AUTH: '100000/hour',
        INKSONG_CLIENT_IP_HEADER: header,
        INKSONG_TRUSTED_PROXIES: innerAddress,
      });
      const { origin } = await startChain(t, { hops: 2, inner, header, server: server.url });
      const [guest, stranger] = [await server.register(), await server.register()];
      const lines = spoofedHeaders([outerAddress, innerAddress])['what our proxies would write'];
      assert.ok(lines);
      const list = [{ name: 'unlisted', lines, from: '127.0.20.1', expected: outerAddress }];
      const heard = await hearWitnesses({ origin, server, guest, stranger }, list);
      assert.deepEqual(heard, agreement(list), `${header}, ${inner}`);
    }
  }
});

test('a listed proxy that does not say for whom it asks is taken for the client, and no other header is read instead (C13)', async (t) => {
  for (const header of clientIpHeaders) {
    const server = await bootServer(t, {
      ...settings,
      INKSONG_CLIENT_IP_HEADER: header,
      INKSONG_TRUSTED_PROXIES: trusted[1],
    });
    const { origin, addresses } = await startSilentProxy(t, server.url);
    const [guest, stranger] = [await server.register(), await server.register()];
    const list = Object.entries(spoofedHeaders(addresses)).map(([name, lines], place) => {
      const others = withoutHeader(withoutHeader(lines, header), 'connection');
      return { name, lines: others, from: `127.0.21.${place + 1}`, expected: addresses[0] ?? '' };
    });
    const heard = await hearWitnesses({ origin, server, guest, stranger }, list);
    assert.deepEqual(heard, agreement(list), header);
    assert.equal(list.length, 46);
  }
});

test('the matrix of hops, ways and spoofed headers is whole', () => {
  assert.equal(cells, 2 * (4 + 5 + 5));
  assert.equal(cases, cells * 46);
});
