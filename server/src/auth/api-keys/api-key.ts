import { hash, randomBytes } from 'node:crypto';

/** 24 random bytes: 192 bits, so neither salt nor stretching would add anything to the hash. */
const secretBytes = 24;
/** The regular expression source that exactly the keys match. */
export const apiKeyPattern = '^ink_[0-9a-f]{48}$';
const form = new RegExp(apiKeyPattern);

export interface MintedApiKey {
  /** `ink_` and 48 lower-case hexadecimal digits, 52 characters; shown once, never stored. */
  secret: string;
  /** SHA-256 of the secret, hex. */
  hash: string;
  /** `ink_1a2b…9f0e`. */
  hint: string;
}

/** Returns a new key from the operating system's CSPRNG. */
export function mintApiKey(): MintedApiKey {
  const secret = `ink_${randomBytes(secretBytes).toString('hex')}`;
  return { secret, hash: hashApiKey(secret), hint: `${secret.slice(0, 8)}…${secret.slice(-4)}` };
}

/** Tells whether a string has the form of a key; one that does not cannot be one. */
export function isApiKey(secret: string): boolean {
  return form.test(secret);
}

/** Returns the SHA-256 of a key, hex: what is stored and looked up. */
export function hashApiKey(secret: string): string {
  return hash('sha256', secret, 'hex');
}
