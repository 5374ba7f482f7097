import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a stopping server needs: `close` stops listening and resolves when the last connection is gone. */
export interface Drainable {
  server: Server;
  close(): Promise<unknown>;
}

/**
 * Watches a server's connections; call before it listens. Returns the function that stops it: requests in progress are
 * finished, connections without one are closed at once, and whatever is left after `limitMs` milliseconds is cut.
 */
export function watchConnections(app: Drainable): (limitMs: number) => Promise<void> {
  const { server } = app;
  const sockets = new Set<Socket>();
  const responses = new Set<ServerResponse>();
  let draining = false;

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (_request, response) => {
    responses.add(response);
    response.once('close', () => {
      responses.delete(response);
      // One that was answered with keep-alive before the stop is only now idle; nobody else would close it for a minute.
      if (draining) setImmediate(() => server.closeIdleConnections());
    });
  });

  return async (limitMs) => {
    draining = true;
    for (const response of responses) if (!response.headersSent) response.shouldKeepAlive = false;
    // Browsers connect ahead of need; Node does not count a connection that never spoke as idle.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    const cut = setTimeout(() => server.closeAllConnections(), limitMs);
    try {
      await app.close();
    } finally {
      clearTimeout(cut);
    }
  };
}
