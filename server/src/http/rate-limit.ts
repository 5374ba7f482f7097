import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import type { LimitName } from '../limits/limit.ts';
import type { Limits } from '../limits/limits.ts';
import { clientOf } from './client.ts';
import type { HttpServer } from './server.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Counts requests to this route by the client's address. Routes that take a credential count by account anyway. */
    limit?: 'auth' | 'refresh';
  }
  interface FastifyInstance {
    limits: Limits;
    onLimitReached: OnLimitReached;
  }
}

/** Told of each request that was one too many, with the address, account id or e-mail address that the limit goes by. */
export type OnLimitReached = (request: FastifyRequest, name: LimitName, subject: string) => Promise<void>;

/** Counts every request before its body is read and after its credential was verified. Call before any route is added. */
export function registerLimits(server: HttpServer, limits: Limits, onLimitReached: OnLimitReached): void {
  server.decorate('limits', limits);
  server.decorate('onLimitReached', onLimitReached);
  // After every onRequest hook, which is where a route's access is settled.
  server.addHook('preParsing', async (request, reply, payload) => {
    const { limit } = request.routeOptions.config;
    if (request.principal) await takeLimit(request, reply, 'api', request.principal.accountId);
    if (limit) await takeLimit(request, reply, limit, clientOf(request).address);
    return payload;
  });
}

/**
 * Counts a request against a limit and tells the client where it stands (draft-ietf-httpapi-ratelimit-headers).
 * Throws AppError `rate_limited`.
 */
export async function takeLimit(
  request: FastifyRequest,
  reply: FastifyReply,
  name: LimitName,
  subject: string,
): Promise<void> {
  const state = await request.server.limits.take(name, subject);
  if (!state) return;
  const { rate, remaining, resetSeconds } = state;
  addMember(reply, 'ratelimit-policy', `"${name}";q=${rate.points};w=${rate.seconds}`);
  addMember(reply, 'ratelimit', `"${name}";r=${remaining};t=${resetSeconds}`);
  if (!state.refused) return;
  await request.server.onLimitReached(request, name, subject);
  throw new AppError('rate_limited', { retryAfterSeconds: resetSeconds });
}

/** Both header fields are structured lists (RFC 9651) with one member a limit. */
function addMember(reply: FastifyReply, field: 'ratelimit' | 'ratelimit-policy', member: string): void {
  const earlier = reply.getHeader(field);
  reply.header(field, earlier === undefined ? member : `${earlier}, ${member}`);
}
