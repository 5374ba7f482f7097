import { hash, randomBytes } from 'node:crypto';

export type LinkPurpose = 'sign_up' | 'password_reset' | 'email_change';

/** Seconds a mailed link is good for, from when it is sent. */
export const linkTtlSeconds = 30 * 60;

const pages: Record<LinkPurpose, string> = {
  sign_up: 'verify-email',
  password_reset: 'reset-password',
  // Tells the page not to ask for a password.
  email_change: 'verify-email?for=change',
};

/** Returns the token of a new link: 256 random bits, base64url. */
export function mintLinkToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Returns the SHA-256 of a token, hex: what is stored and looked up. */
export function hashLinkToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/** Returns the address to mail. The token stands in the fragment, which browsers send to no server and in no Referer. */
export function linkOf(publicUrl: string, purpose: LinkPurpose, token: string): string {
  return `${publicUrl}/${pages[purpose]}#token=${token}`;
}
