import { hash, hkdfSync, randomBytes } from 'node:crypto';
import { JOSEError, JWKSNoMatchingKey } from 'jose/errors';
import type { Clock } from '../../clock.ts';

/** Seconds an access token is valid for. */
export const accessTokenTtlSeconds = 900;

/** Seconds by which the clocks of two nodes may differ. */
const clockSkewSeconds = 60;

/** Tokens whose signature need not be checked again; one takes about a kilobyte. */
const keptTokens = 10_000;

export interface AccessTokenClaims {
  accountId: string;
  sessionId: string;
}

export interface AccessTokens {
  /** Returns a JWT of type `at+jwt` (RFC 9068 section 2.1), HS256, valid for `accessTokenTtlSeconds`. */
  sign(claims: AccessTokenClaims): Promise<string>;
  /** Returns what a valid token says, or null for any other string. Says nothing of whether the session still lives. */
  verify(token: string): Promise<AccessTokenClaims | null>;
}

export interface AccessTokenOptions {
  /** At least 32 bytes. */
  secret: string;
  /** Still accepted while a change of secret rolls out; null when there is none. */
  previousSecret: string | null;
  /** Issuer and audience in one: the public URL. */
  issuer: string;
  clock: Clock;
}

/** jose is loaded by the first token: most servers are called with keys for most of the time, some always. */
export function createAccessTokens({ secret, previousSecret, issuer, clock }: AccessTokenOptions): AccessTokens {
  const current = deriveKey(secret);
  const accepted = [current, ...(previousSecret === null ? [] : [deriveKey(previousSecret)])];
  /**
   * Checking a signature costs more than all other work on a request. Its outcome is kept, under the whole text of the
   * token, because nothing can change it: it follows from that text and from keys that stay what they are as long as this
   * map is there. What can change is asked each time: the hour here, and in the database whether the session lives. Only
   * tokens that were good get in, so nobody can fill it with others.
   */
  const kept = new Map<string, SignedToken>();

  return {
    async sign({ accountId, sessionId }) {
      const { SignJWT } = await import('jose/jwt/sign');
      const issuedAt = Math.floor(clock.now() / 1000);
      return new SignJWT({ sid: sessionId })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: current.id })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setSubject(accountId)
        .setJti(randomBytes(16).toString('hex'))
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + accessTokenTtlSeconds)
        .sign(current.key);
    },

    async verify(token) {
      const signed = kept.get(token) ?? (await check(token));
      if (!signed) return null;
      const nowSeconds = Math.floor(clock.now() / 1000);
      if (signed.expiresAt <= nowSeconds || signed.notBefore > nowSeconds) return null;
      // Nobody here signs for longer, so whoever did had no business to.
      if (signed.expiresAt > nowSeconds + accessTokenTtlSeconds + clockSkewSeconds) return null;
      keep(token, signed);
      return signed.claims;
    },
  };

  async function check(token: string): Promise<SignedToken | null> {
    if (!isCanonical(token)) return null;
    const { jwtVerify } = await import('jose/jwt/verify');
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => keyOf(accepted, kid), {
        algorithms: ['HS256'],
        typ: 'at+jwt',
        issuer,
        audience: issuer,
        requiredClaims: ['sub', 'sid', 'iat', 'exp', 'jti'],
        currentDate: new Date(clock.now()),
      });
      const { sub, sid, jti, iat, exp, nbf = 0 } = payload;
      if (typeof sub !== 'string' || typeof sid !== 'string') return null;
      if (typeof jti !== 'string' || typeof iat !== 'number' || typeof exp !== 'number') return null;
      return { claims: Object.freeze({ accountId: sub, sessionId: sid }), notBefore: nbf, expiresAt: exp };
    } catch (error) {
      if (error instanceof JOSEError) return null;
      throw error;
    }
  }

  function keep(token: string, signed: SignedToken): void {
    if (kept.has(token)) return;
    const oldest = kept.size < keptTokens ? undefined : kept.keys().next().value;
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(token, signed);
  }
}

/** What a token says whose signature is good. */
interface SignedToken {
  claims: AccessTokenClaims;
  /** Seconds since 1970, as is `expiresAt`. */
  notBefore: number;
  expiresAt: number;
}

/**
 * jose decodes base64url loosely: it takes padding, and ignores the two bits that the last character of a signature has
 * to spare. Header and payload are the signed text itself; the signature must be written in its one proper way too, so
 * that whatever is kept under a token is kept under all of its spellings.
 */
function isCanonical(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

interface SigningKey {
  /** The key's fingerprint: the first 64 bits of its SHA-256, hex. */
  id: string;
  key: Uint8Array;
}

/** Derives the signing key by HKDF-SHA-256 (RFC 5869), so that the secret can serve other purposes as well. */
function deriveKey(secret: string): SigningKey {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'inksong access token', 32));
  return { id: hash('sha256', key, 'hex').slice(0, 16), key };
}

function keyOf(accepted: readonly SigningKey[], kid: string | undefined): Uint8Array {
  const found = accepted.find((candidate) => candidate.id === kid);
  if (!found) throw new JWKSNoMatchingKey();
  return found.key;
}
