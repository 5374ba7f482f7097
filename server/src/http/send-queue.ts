import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Node keeps these two to itself, although net.Socket's own time-out goes by them. */
interface Handle {
  /** Bytes given to the handle. */
  bytesWritten: number;
  /** Of those, the ones that the kernel has not taken yet. */
  writeQueueSize: number;
}

/** Returns how many bytes of a connection the kernel has taken from us so far. */
export function bytesTaken(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: Handle | null })._handle;
  return handle ? handle.bytesWritten - handle.writeQueueSize : socket.bytesWritten - socket.writableLength;
}

/**
 * Returns a look-up of how many of those bytes the peer has not acknowledged yet. The kernel takes up to megabytes ahead
 * of a slow reader and then asks for more only when a third of them is gone, so without this such a reader looks as if it
 * had stopped. Only Linux tells; elsewhere the answer is 0.
 */
export async function readSendQueues(): Promise<(socket: Socket) => number> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1').catch(() => '')),
  );
  return (socket) => {
    const row = connectionRow(socket);
    for (const table of row === null ? [] : tables) {
      const found = new RegExp(`${row} [0-9A-F]{2} ([0-9A-F]{8}):`).exec(table);
      if (found) return Number.parseInt(found[1] ?? '0', 16);
    }
    return 0;
  };
}

/** Returns how a connection's row names its two ends, but for our own address: `:1F90 0100007F:C350`. */
function connectionRow({ localPort, remoteAddress, remotePort }: Socket): string | null {
  if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return null;
  const address = Buffer.from(ipaddr.parse(remoteAddress).toByteArray());
  // The kernel prints each 32-bit word as this machine's number.
  const words = address.swap32().toString('hex').toUpperCase();
  return `:${hexPort(localPort)} ${words}:${hexPort(remotePort)}`;
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
