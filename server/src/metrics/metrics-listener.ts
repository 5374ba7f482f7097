import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Passwords } from '../auth/accounts/password.ts';

/**
 * Starts counting, and answers `GET /metrics` on a listener of its own, so that the API's port never tells.
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
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    metrics.stop();
    throw error;
  }
  return async () => {
    metrics.stop();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
}
