import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import { allowedMethods } from './route-table.ts';
import type { HttpServer } from './server.ts';

/** How long a browser may remember what it was allowed, seconds; Chromium takes no more than two hours. */
const preflightSeconds = 600;

const allowedHeaders = ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Range', 'Idempotency-Key'];
const exposedHeaders = ['ETag', 'Location', 'Link', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id'];

/**
 * Lets pages of the origins in `server.allowedOrigins`, and of no other, call the API and read its answers, the refresh cookie included.
 * X-API-Key is not among what they may send: a key does not belong in a page.
 * Call before any route is added; without origins there is no CORS at all.
 */
export async function allowOrigins(server: HttpServer): Promise<void> {
  if (server.allowedOrigins.size === 0) return;
  await server.register(cors, {
    delegator: (request: FastifyRequest, done: (error: Error | null, options: FastifyCorsOptions) => void) =>
      done(null, optionsFor(request)),
  });
}

function optionsFor({ server, url, headers }: FastifyRequest): FastifyCorsOptions {
  const { origin } = headers;
  if (origin === undefined || !server.allowedOrigins.has(origin) || !url.startsWith('/api/')) return { origin: false };
  const methods = allowedMethods(server.routeTable, url);
  return {
    origin,
    credentials: true,
    allowedHeaders,
    exposedHeaders,
    methods,
    maxAge: preflightSeconds,
    // What is no preflight, or is for a path that does not exist, is answered like any other request.
    preflight: methods.length > 0 && headers['access-control-request-method'] !== undefined,
  };
}
