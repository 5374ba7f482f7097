import { AppError } from '../app-error.ts';
import { createSignal } from '../signal.ts';
import type { ApiKeys } from './api-keys/api-keys.ts';
import type { Principal } from './principal.ts';
import type { Sessions } from './sessions/sessions.ts';

/** What a request presents: one of the two schemes, in the caller's own bytes. */
export type Credential = { scheme: 'api_key'; secret: string } | { scheme: 'bearer'; token: string };

/** Throws AppError `invalid_credentials`, the same for every reason, and `unavailable` when the state cannot be read. */
export type Authenticate = (credential: Credential, address: string) => Promise<Principal>;

export const credentialVerified = createSignal<{ scheme: Credential['scheme']; seconds: number }>(
  'credential-verified',
);

/** Where the two schemes meet. A bad credential of one scheme never falls through to the other. */
export function createAuthenticate(apiKeys: ApiKeys, sessions: Sessions): Authenticate {
  const verify = (credential: Credential, address: string): Promise<Principal | null> =>
    credential.scheme === 'api_key'
      ? apiKeys.verify(credential.secret, address)
      : sessions.verifyAccessToken(credential.token, address);

  return async (credential, address) => {
    const startedMs = credentialVerified.isHeard() ? performance.now() : null;
    const principal = await verify(credential, address);
    if (startedMs !== null) {
      credentialVerified.tell({ scheme: credential.scheme, seconds: (performance.now() - startedMs) / 1000 });
    }
    if (principal) return principal;
    throw new AppError('invalid_credentials', { headers: { 'WWW-Authenticate': challenge(credential.scheme) } });
  };
}

/** RFC 6750 section 3: the error code is for requests that presented a Bearer token. */
function challenge(scheme: Credential['scheme']): string {
  return scheme === 'bearer' ? 'Bearer realm="inksong", error="invalid_token"' : 'Bearer realm="inksong"';
}
