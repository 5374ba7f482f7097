import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request and its answer. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  /** When its head had come, by `performance.now()`. */
  startedMs: number;
}

/** What is under way on a server's connections. A request that was answered early is, until its body has come too. */
export interface Exchanges {
  underWay(): Exchange[];
  /** The exchange of a connection that began last, or undefined when that is over. */
  latestOn(connection: Duplex): Exchange | undefined;
  /** Connections on which nothing has come yet. */
  silent(): Duplex[];
}

/**
 * Watches a server; call before it listens. Every request passes here, so it leaves one entry in the place of the one
 * before: no listener that has to be added and taken away again.
 */
export function watchExchanges(server: Server): Exchanges {
  /** Of each open connection; a client that does not wait for its answers has several under way. */
  const byConnection = new Map<Duplex, Exchange[]>();

  server.on('connection', (socket) => {
    byConnection.set(socket, []);
    socket.once('close', () => byConnection.delete(socket));
  });
  // First, since all others may ask for it.
  server.prependListener('request', (request, response) => {
    const exchanges = byConnection.get(request.socket);
    if (!exchanges) return;
    forgetOver(exchanges);
    exchanges.push({ request, response, startedMs: performance.now() });
  });

  return {
    underWay() {
      for (const exchanges of byConnection.values()) forgetOver(exchanges);
      return [...byConnection.values()].flat();
    },
    latestOn(connection) {
      const latest = byConnection.get(connection)?.at(-1);
      return latest && !isOver(latest) ? latest : undefined;
    },
    silent: () => [...byConnection.keys()].filter((socket) => 'bytesRead' in socket && socket.bytesRead === 0),
  };
}

function isOver({ request, response }: Exchange): boolean {
  return request.complete && response.closed;
}

/** Answers leave in the order of their requests, so what is over comes first. */
function forgetOver(exchanges: Exchange[]): void {
  while (exchanges[0] && isOver(exchanges[0])) exchanges.shift();
}
