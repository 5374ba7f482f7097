import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Run } from './experiment.ts';

export interface CuttingProxy {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** Answers that were cut so far. */
  cuts(): number;
}

/**
 * Starts a proxy that lets requests through whole and breaks the connection once so many bytes of an answer have come:
 * what was asked for is done, and whoever asked cannot know. It is gone when the run is over.
 * @param bytesOf tells for each connection how many bytes of its answer still pass
 */
export async function startCuttingProxy(run: Run, target: string, bytesOf: () => number): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let left = bytesOf();
    for (const [socket, other] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0) return;
      cuts += 1;
      upstream.destroy();
      client.destroySoon();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  run.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts };
}
