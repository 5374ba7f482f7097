import type { ServerResponse } from 'node:http';
import type { HttpServer } from './http/server.ts';

export interface Connections {
  /** From now on each answer is the last on its connection, so that none is idle when the server stops. */
  endAfterAnswers(): void;
  /**
   * Stops the server: requests in progress are finished, connections without one are closed at once, and whatever is left
   * after `limitMs` milliseconds is cut.
   */
  drain(limitMs: number): Promise<void>;
}

/** Returns how a server's connections are ended. */
export function connectionsOf(app: Pick<HttpServer, 'server' | 'exchanges' | 'close'>): Connections {
  const { server, exchanges } = app;
  let ending = false;

  function endAfterAnswers(): void {
    if (ending) return;
    ending = true;
    for (const { response } of exchanges.underWay()) if (!response.headersSent) response.shouldKeepAlive = false;
    // First, since an answer's headers may be sent at once.
    server.prependListener('request', (_request, response) => {
      response.shouldKeepAlive = false;
    });
  }

  /** One that was answered with keep-alive before the stop is only then idle; nobody else would close it for a minute. */
  const closeWhenIdle = (response: ServerResponse): void => {
    response.once('close', () => setImmediate(() => server.closeIdleConnections()));
  };

  return {
    endAfterAnswers,
    async drain(limitMs) {
      endAfterAnswers();
      for (const { response } of exchanges.underWay()) closeWhenIdle(response);
      // Browsers connect ahead of need; Node does not count a connection that never spoke as idle.
      for (const socket of exchanges.silent()) socket.destroy();
      const cut = setTimeout(() => server.closeAllConnections(), limitMs);
      try {
        await app.close();
      } finally {
        clearTimeout(cut);
      }
    },
  };
}
