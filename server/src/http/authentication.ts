import type { FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import type { ApiKeyPrincipal, BearerPrincipal, Principal } from '../auth/principal.ts';
import type { Client } from '../edge/client-address.ts';
import { clientOf } from './client.ts';
import { readCredential } from './credentials.ts';

/**
 * Who may call a route. Every route states it; one that does not keeps the server from starting.
 * - `public`: anybody; credentials are not looked at.
 * - `both`: an API key or a Bearer token.
 * - `api-key`: an API key; a Bearer token gets 403.
 * - `bearer`: a Bearer token; an API key gets 403, so that a leaked one cannot entrench itself.
 * - `bearer-fresh`: a Bearer token whose session proved the password in the last 15 minutes.
 * - `refresh-cookie`: the handler reads the refresh cookie; nothing else counts.
 */
export type Access = 'public' | 'both' | 'api-key' | 'bearer' | 'bearer-fresh' | 'refresh-cookie';

const freshSeconds = 15 * 60;

declare module 'fastify' {
  interface FastifyContextConfig {
    access: Access;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

/** What the hook asks of those who know the credentials. */
export interface Gate {
  authenticate: Authenticate;
  /** Tells whether a verified key may be used by a client; if so, that is a use of it. */
  admitKey: (principal: ApiKeyPrincipal, client: Client) => boolean;
  /** Told of each request that brought a good key from a page, or from an address that its allowlist lacks. */
  onKeyRefused: (
    kind: 'key_in_browser' | 'address_refused',
    principal: ApiKeyPrincipal,
    request: FastifyRequest,
  ) => void;
}

/**
 * Returns the hook that settles a route's access before its body is read:
 * form 400, verify 401, browser 403, address 403, access 403.
 */
export function authenticationHook({
  authenticate,
  admitKey,
  onKeyRefused,
}: Gate): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const { access } = request.routeOptions.config;
    if (request.is404 || access === 'public' || access === 'refresh-cookie') return;

    const credential = readCredential(request.raw.rawHeaders);
    if (!credential) {
      throw new AppError('invalid_credentials', {
        detail: 'Send an API key in X-API-Key or an access token in Authorization: Bearer.',
      });
    }
    const client = clientOf(request);
    const principal = await authenticate(credential, client.address);
    // Before access is judged: what a known caller is refused is his too, in the log and in the usage counts.
    request.principal = principal;
    if (principal.scheme === 'api_key' && isFromPage(request)) {
      onKeyRefused('key_in_browser', principal, request);
      throw new AppError('key_in_browser', {
        detail:
          'This request came from a web page, where anybody can read the key. Call from your server, or sign in and send a Bearer token. If people could see the key, rotate it.',
      });
    }
    if (principal.scheme === 'api_key' && !admitKey(principal, client)) {
      onKeyRefused('address_refused', principal, request);
      throw new AppError('address_not_allowed', {
        detail: client.isKnown
          ? `The allowlist of this key does not have ${client.address}. Its owner can add it.`
          : 'This key has an allowlist, and the address that this request came from cannot be told.',
      });
    }
    requireScheme(principal, access);
  };
}

/** Browsers add these headers and no page can leave them out. Sec-Fetch-Mode is no sign of one: Node's own fetch sends it. */
function isFromPage({ headers }: FastifyRequest): boolean {
  return headers['sec-fetch-site'] !== undefined || headers.origin !== undefined;
}

function requireScheme(principal: Principal, access: Access): void {
  if (access === 'both') return;
  if (access === 'api-key') {
    if (principal.scheme === 'api_key') return;
    throw new AppError('api_key_required', { detail: 'This takes API keys alone; send one in X-API-Key.' });
  }
  if (principal.scheme !== 'bearer') {
    throw new AppError('session_required', { detail: 'This takes a signed-in person; send a Bearer token.' });
  }
  if (access === 'bearer-fresh' && principal.authenticatedSecondsAgo > freshSeconds) {
    throw new AppError('reauthentication_required', {
      detail: 'Prove the password at POST /api/v1/auth/reauthenticate, then try again.',
    });
  }
}

/** Returns who is calling, on a route whose access demands a credential. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new Error('This route did not ask for a credential.');
  return request.principal;
}

/** Returns the session that is calling, on a `bearer` or `bearer-fresh` route. */
export function sessionOf(request: FastifyRequest): BearerPrincipal {
  const principal = principalOf(request);
  if (principal.scheme !== 'bearer') throw new Error('This route did not ask for a session.');
  return principal;
}
