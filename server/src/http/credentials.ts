import { AppError } from '../app-error.ts';
import type { Credential } from '../auth/authenticate.ts';
import { valuesOf } from '../edge/raw-headers.ts';

/**
 * Returns what a request presents, or null when it presents nothing of either scheme.
 * Throws `invalid_request` when it is not clear which credential is meant (RFC 6750 section 3.1): two of them,
 * one header twice, or `Bearer` without exactly one token.
 *
 * @param rawHeaders names and values in turn, as they arrived: Node's parsed headers drop a second `Authorization`
 *   in silence and join two `X-API-Key`.
 */
export function readCredential(rawHeaders: readonly string[]): Credential | null {
  const key = onlyValue(rawHeaders, 'x-api-key');
  const authorization = onlyValue(rawHeaders, 'authorization');
  const token = authorization === null ? null : bearerToken(authorization);
  if (key !== null && token !== null) {
    throw new AppError('invalid_request', { detail: 'Send either X-API-Key or Authorization: Bearer, not both.' });
  }
  if (key !== null) return { scheme: 'api_key', secret: key };
  if (token !== null) return { scheme: 'bearer', token };
  return null;
}

function onlyValue(rawHeaders: readonly string[], name: string): string | null {
  const values = valuesOf(rawHeaders, name);
  if (values.length > 1) throw new AppError('invalid_request', { detail: `Send the ${name} header once.` });
  return values[0] ?? null;
}

const isBearer = /^[ \t]*bearer(?:[ \t]|$)/i;
const oneToken = /^[ \t]*bearer[ \t]+([^ \t]+)[ \t]*$/i;

/** Returns the token of a Bearer header, or null when the header is of another scheme, which is no credential here. */
function bearerToken(authorization: string): string | null {
  const token = oneToken.exec(authorization)?.[1];
  if (token !== undefined) return token;
  if (!isBearer.test(authorization)) return null;
  throw new AppError('invalid_request', { detail: 'Authorization: Bearer takes exactly one token.' });
}
