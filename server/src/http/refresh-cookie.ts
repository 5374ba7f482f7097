import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import { sessionIdleSeconds } from '../auth/sessions/refresh-token.ts';

const name = '__Host-inksong_refresh';
/** RFC 6265bis section 4.1.3.2: a `__Host-` cookie is Secure, has Path=/ and no Domain, so no sibling host can set it. */
const attributes = 'HttpOnly; Secure; SameSite=Strict; Path=/';

/** Returns the refresh token a browser sent along, or null. Two cookies of the name count as none: neither can be trusted. */
export function readRefreshCookie(request: FastifyRequest): string | null {
  const values = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? (values[0] ?? null) : null;
}

export function setRefreshCookie(reply: FastifyReply, token: string): void {
  reply.header('Set-Cookie', `${name}=${token}; ${attributes}; Max-Age=${sessionIdleSeconds}`);
}

export function clearRefreshCookie(reply: FastifyReply): void {
  reply.header('Set-Cookie', `${name}=; ${attributes}; Max-Age=0`);
}

/**
 * Returns the hook of every route that reads or sets the refresh cookie: refuses pages of other sites and of sibling hosts
 * that INKSONG_ALLOWED_ORIGINS does not list; SameSite alone is no defence against the latter (RFC 6265bis section 8.8).
 * A request with neither header comes from no browser.
 */
export function sameOriginOnly(publicUrl: string): (request: FastifyRequest) => Promise<void> {
  return async ({ headers, server }) => {
    const { 'sec-fetch-site': site, origin } = headers;
    const isListed = origin !== undefined && server.allowedOrigins.has(origin);
    const isAllowed =
      site === undefined
        ? origin === undefined || origin === publicUrl || isListed
        : site === 'same-origin' || ((site === 'same-site' || site === 'cross-site') && isListed);
    if (!isAllowed)
      throw new AppError('origin_not_allowed', { detail: 'A page of another origin may not use the sign-in cookie.' });
  };
}
