import { once } from 'node:events';
import type { Passwords } from '../auth/accounts/password.ts';
import type { Metrics } from './metrics.ts';

/** An import of `node:http` would read all that it exports, and with its WebSocket load an HTTP client that nobody needs. */
const { createServer } = process.getBuiltinModule('node:http');

/**
 * Starts counting, and answers `GET /metrics` for this process.
 * Returns the function that ends both. Throws when it cannot listen there.
 */
export async function startMetrics(
  passwords: Pick<Passwords, 'load'>,
  host: string,
  port: number,
): Promise<() => Promise<void>> {
  // Not part of a start without metrics.
  const { createMetrics } = await import('./metrics.ts');
  const metrics = createMetrics(passwords);
  try {
    const stopListening = await listenForScrapes(metrics, host, port);
    return async () => {
      metrics.stop();
      await stopListening();
    };
  } catch (error) {
    metrics.stop();
    throw error;
  }
}

/**
 * Answers `GET /metrics` on a listener of its own, so that the API's port never tells. Returns the function that ends it.
 * Throws when it cannot listen there.
 */
export async function listenForScrapes(
  metrics: Pick<Metrics, 'contentType' | 'text'>,
  host: string,
  port: number,
): Promise<() => Promise<void>> {
  const server = createServer(async ({ method, url }, response) => {
    response.setHeader('X-Content-Type-Options', 'nosniff').setHeader('Cache-Control', 'no-store');
    if (url !== '/metrics') return void response.writeHead(404).end();
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    try {
      const text = await metrics.text();
      response.writeHead(200, { 'Content-Type': metrics.contentType }).end(text);
    } catch {
      response.writeHead(500).end();
    }
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 15_000;
  server.listen(port, host);
  await once(server, 'listening');
  return async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
}
