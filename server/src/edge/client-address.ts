import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Returns the peer's address in canonical form, an IPv4 client on a dual-stack socket as IPv4; '' once the socket is gone. */
export function clientAddress(socket: Socket): string {
  const { remoteAddress } = socket;
  return remoteAddress === undefined ? '' : ipaddr.process(remoteAddress).toString();
}
