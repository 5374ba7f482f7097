import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { forwardedHops, type Hop, xForwardedHops } from './forwarded.ts';
import { createIpRanges } from './ip-ranges.ts';
import { type ClientIpHeader, clientIpHeaders, type ProxySettings } from './trusted-proxies.ts';

export interface Client {
  /**
   * Canonical, an IPv4 client on a dual-stack socket as IPv4: what limits, events and logs go by. The peer's where the
   * client's cannot be told; '' when the socket was gone before anybody asked.
   */
  address: string;
  /** No allowlist has an address that is not known. */
  isKnown: boolean;
  /** What the trusted proxy nearest to the client was asked by, such as `https`; null without one, or when it does not tell. */
  scheme: string | null;
}

export type ReadClient = (request: Pick<IncomingMessage, 'socket' | 'rawHeaders'>) => Client;

/**
 * Returns the one function that says who a request comes from: the socket's peer, unless that is a trusted proxy. Then
 * one header is believed, from the right, as far as trusted proxies have written it: what is further left is whatever the
 * client made up. A request keeps its first answer.
 *
 * @param onUntrusted told, once, of a peer in a private network that writes such a header without being trusted
 */
export function createReadClient(
  { trusted, header }: ProxySettings,
  onUntrusted: (peer: string, header: string) => void,
): ReadClient {
  const proxies = createIpRanges(trusted);
  const known = new WeakMap<object, Client>();
  let hasTold = false;

  const read: ReadClient = ({ socket, rawHeaders }) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return { address: '', isKnown: false, scheme: null };
    const peer = ipaddr.process(remoteAddress).toString();
    if (!proxies.has(peer)) {
      const sent = hasTold ? undefined : clientIpHeaders.find((name) => valuesOf(rawHeaders, name).length > 0);
      if (sent !== undefined && isPrivate(peer)) {
        hasTold = true;
        onUntrusted(peer, sent);
      }
      return { address: peer, isKnown: true, scheme: null };
    }
    let client: Client = { address: peer, isKnown: true, scheme: null };
    for (const { address = peer, scheme } of hopsOf(rawHeaders, header)) {
      if (address === null) return { address: peer, isKnown: false, scheme };
      client = { address, isKnown: true, scheme };
      if (!proxies.has(address)) break;
    }
    return client;
  };

  return (request) => {
    const earlier = known.get(request);
    if (earlier) return earlier;
    const client = read(request);
    known.set(request, client);
    return client;
  };
}

function hopsOf(rawHeaders: readonly string[], header: ClientIpHeader): Iterable<Hop> {
  const values = valuesOf(rawHeaders, header);
  if (header === 'forwarded') return forwardedHops(values);
  return xForwardedHops(values, valuesOf(rawHeaders, 'x-forwarded-proto'));
}

/** Returns the values of all lines of a header in order; the parsed headers may have dropped or joined some. */
function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

const privateKinds = ['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat'];

function isPrivate(address: string): boolean {
  return privateKinds.includes(ipaddr.parse(address).range());
}
