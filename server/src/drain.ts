import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a stopping server needs: `close` stops listening and resolves when the last connection is gone. */
export interface Drainable {
  server: Server;
  close(): Promise<unknown>;
}

export interface Connections {
  /** From now on each answer is the last on its connection, so that none is idle when the server stops. */
  endAfterAnswers(): void;
  /**
   * Stops the server: requests in progress are finished, connections without one are closed at once, and whatever is left
   * after `limitMs` milliseconds is cut.
   */
  drain(limitMs: number): Promise<void>;
}

/** Watches a server's connections; call before it listens. */
export function watchConnections(app: Drainable): Connections {
  const { server } = app;
  const sockets = new Set<Socket>();
  const responses = new Set<ServerResponse>();
  let ending = false;
  let draining = false;

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // First, since an answer's headers may be sent at once.
  server.prependListener('request', (_request, response) => {
    if (ending) response.shouldKeepAlive = false;
    responses.add(response);
    response.once('close', () => {
      responses.delete(response);
      // One that was answered with keep-alive before the stop is only now idle; nobody else would close it for a minute.
      if (draining) setImmediate(() => server.closeIdleConnections());
    });
  });

  function endAfterAnswers(): void {
    ending = true;
    for (const response of responses) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  return {
    endAfterAnswers,
    async drain(limitMs) {
      draining = true;
      endAfterAnswers();
      // Browsers connect ahead of need; Node does not count a connection that never spoke as idle.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      const cut = setTimeout(() => server.closeAllConnections(), limitMs);
      try {
        await app.close();
      } finally {
        clearTimeout(cut);
      }
    },
  };
}
