import { Type } from '#typebox';
import type { Principal } from '../auth/principal.ts';
import { type Access, principalOf } from '../http/authentication.ts';
import type { HttpServer } from '../http/server.ts';
import { answerUnreadBodies } from '../http/unread-body.ts';
import { forwardPath } from './forward-target.ts';

interface Family {
  path: string;
  /** Between the family's path and the scheme that it may ask for. */
  separator: '/' | '-';
  operationId: string;
  summary: string;
  about: string;
  takesAnyPath?: true;
  refusalStatus?: (status: number) => number;
}

const families: readonly Family[] = [
  {
    path: forwardPath,
    separator: '/',
    operationId: 'decide',
    summary: 'Decide about a request',
    about: 'For proxies that hand a refusal on as it is: Caddy, HAProxy, Traefik, APISIX.',
  },
  {
    path: `${forwardPath}/nginx`,
    separator: '/',
    operationId: 'decideForNginx',
    summary: 'Decide about a request, for nginx',
    about:
      'nginx understands 200, 401 and 403, so every other refusal is 403 here and `X-Inksong-Reason` has its code. A failure stays one: nginx makes 500 of it.',
    refusalStatus: (status) => (status >= 400 && status < 500 && status !== 401 ? 403 : status),
  },
  {
    path: `${forwardPath}/envoy`,
    // Behind a slash it could as well be the beginning of the path that Envoy's client asks for.
    separator: '-',
    operationId: 'decideForEnvoy',
    summary: 'Decide about a request, for Envoy',
    about: 'Takes any path and query behind it, which is where Envoy puts those of the request.',
    takesAnyPath: true,
  },
];

const schemes: readonly { access: Access; path: string; suffix: string; words: string }[] = [
  { access: 'both', path: '', suffix: '', words: '' },
  { access: 'api-key', path: 'api-key', suffix: 'ByKey', words: ': keys only' },
  { access: 'bearer', path: 'bearer', suffix: 'ByBearer', words: ': Bearer tokens only' },
];

const description = `May the request whose headers these are go on? Asked by a proxy in front of some other service. Any method and
any body will do, and nothing in the query counts. The request is judged and counted as any other: the proxy has to be a
trusted one, or its address is the one that is judged.`;

/**
 * The decision endpoint. Nothing about an answer is remembered, here or in what we tell proxies to do: the next question
 * reads the credential's row again.
 */
export function forwardRoutes(server: HttpServer): void {
  answerUnreadBodies(server);
  for (const { path, separator, operationId, summary, about, takesAnyPath, refusalStatus } of families) {
    const openapi = { 'x-any-method': true, ...(takesAnyPath && { 'x-any-path': true }) };
    for (const { access, path: scheme, suffix, words } of schemes) {
      server.get(
        scheme === '' ? path : `${path}${separator}${scheme}`,
        {
          config: { access, openapi, ...(refusalStatus && { refusalStatus }) },
          schema: {
            operationId: operationId + suffix,
            summary: summary + words,
            description: `${description} ${about}`,
            tags: ['Decision endpoint'],
            response: { 200: Allowed },
          },
        },
        async (request, reply) => reply.headers(identityHeaders(principalOf(request))).send(undefined),
      );
    }
  }
}

const Allowed = Type.Unsafe<undefined>({
  type: 'null',
  description: 'Let it through, with these headers in place of any that came with it.',
  headers: {
    'X-Inksong-User': { description: 'E-mail address, percent-encoded.', type: 'string' },
    'X-Inksong-User-Id': { description: 'Account.', type: 'string' },
    'X-Inksong-Scheme': { description: '`api_key` or `bearer`.', type: 'string' },
    'X-Inksong-Key-Id': { description: 'Empty for a Bearer token.', type: 'string' },
  },
});

/** All of them, always: one that were left out might be filled in by the caller. */
function identityHeaders(principal: Principal): Record<string, string> {
  return {
    'X-Inksong-User': encodeURIComponent(principal.email),
    'X-Inksong-User-Id': principal.accountId,
    'X-Inksong-Scheme': principal.scheme,
    'X-Inksong-Key-Id': principal.scheme === 'api_key' ? principal.apiKeyId : '',
  };
}
