import type { operations } from './openapi-types.ts';

/** What brings an access token. */
export type AccessTokenAnswer = operations['refresh']['responses'][200]['content']['application/json'];

export interface AccessToken {
  secret: string;
  /** Whose it is, null when the token does not tell. */
  accountId: string | null;
  /** On the clock of `performance.now()`, which nobody can set. */
  expiresAtMs: number;
}

/** @param askedAtMs `performance.now()` before the request was sent: its life began no earlier */
export function toAccessToken({ access_token, expires_in }: AccessTokenAnswer, askedAtMs: number): AccessToken {
  return {
    secret: access_token,
    accountId: subjectOf(access_token),
    expiresAtMs: askedAtMs + expires_in * 1000,
  };
}

/** Reads a JWT's subject without verifying it: that is the server's part. */
function subjectOf(token: string): string | null {
  try {
    const payload = token.split('.')[1] ?? '';
    const { sub } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;
  }
}
