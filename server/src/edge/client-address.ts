import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { forwardedHops, type Hop, xForwardedHops } from './forwarded.ts';
import { createIpRanges } from './ip-ranges.ts';
import { valuesOf } from './raw-headers.ts';
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
 * client made up. A request keeps its first answer, and all of a connection have that of their peer.
 *
 * @param onUntrusted told, once, of a peer in a private network that writes such a header without being trusted
 */
export function createReadClient(
  { trusted, header }: ProxySettings,
  onUntrusted: (peer: string, header: string) => void,
): ReadClient {
  const proxies = createIpRanges(trusted);
  const peers = new WeakMap<object, Peer>();
  const known = new WeakMap<object, Client>();
  let hasTold = false;

  function peerOf(socket: Pick<Socket, 'remoteAddress'>): Peer | null {
    const earlier = peers.get(socket);
    if (earlier) return earlier;
    if (socket.remoteAddress === undefined) return null;
    const address = ipaddr.process(socket.remoteAddress).toString();
    const peer = { client: { address, isKnown: true, scheme: null }, isProxy: proxies.has(address) };
    peers.set(socket, peer);
    return peer;
  }

  function tellOfUntrusted(peer: string, rawHeaders: readonly string[]): void {
    const sent = clientIpHeaders.find((name) => valuesOf(rawHeaders, name).length > 0);
    if (sent === undefined || !isPrivate(peer)) return;
    hasTold = true;
    onUntrusted(peer, sent);
  }

  function askedBy({ client: peer }: Peer, rawHeaders: readonly string[]): Client {
    let client = peer;
    for (const { address = peer.address, scheme } of hopsOf(rawHeaders, header)) {
      if (address === null) return { address: peer.address, isKnown: false, scheme };
      client = { address, isKnown: true, scheme };
      if (!proxies.has(address)) break;
    }
    return client;
  }

  return (request) => {
    const { socket, rawHeaders } = request;
    const peer = peerOf(socket);
    if (!peer) return { address: '', isKnown: false, scheme: null };
    if (!peer.isProxy) {
      if (!hasTold) tellOfUntrusted(peer.client.address, rawHeaders);
      return peer.client;
    }
    const earlier = known.get(request);
    if (earlier) return earlier;
    const client = askedBy(peer, rawHeaders);
    known.set(request, client);
    return client;
  };
}

/** Who is at the other end of a connection. */
interface Peer {
  client: Client;
  isProxy: boolean;
}

function hopsOf(rawHeaders: readonly string[], header: ClientIpHeader): Iterable<Hop> {
  const values = valuesOf(rawHeaders, header);
  if (header === 'forwarded') return forwardedHops(values);
  return xForwardedHops(values, valuesOf(rawHeaders, 'x-forwarded-proto'));
}

const privateKinds = ['loopback', 'private', 'linkLocal', 'uniqueLocal', 'carrierGradeNat'];

function isPrivate(address: string): boolean {
  return privateKinds.includes(ipaddr.parse(address).range());
}
