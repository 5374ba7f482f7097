import { createHmac, hash, randomBytes } from 'node:crypto';

/** A session in which nothing happens for so long is over, and its refresh cookie with it. */
export const sessionIdleSeconds = 30 * 24 * 3600;

/** Returns the first refresh token of a session: 256 random bits, base64url. */
export function mintRefreshToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Returns the random message from which a token's successor is made, hex. */
export function mintSuccessorNonce(): string {
  return randomBytes(32).toString('hex');
}

/**
 * Returns the token that follows `token`: an HMAC-SHA-256 of the nonce under the token itself, base64url.
 * Whoever holds token and nonce can make it again, so the same answer can be given twice and no token is ever stored.
 */
export function successorOf(token: string, nonce: string): string {
  return createHmac('sha256', token).update(nonce, 'hex').digest('base64url');
}

/** Returns the SHA-256 of a token, hex: what is stored and looked up. */
export function hashRefreshToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/** Tells whether a string has the form of a refresh token. */
export function isRefreshToken(token: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(token);
}
