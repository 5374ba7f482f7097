import { AppError } from '../../app-error.ts';
import type { Clock } from '../../clock.ts';
import type { Transaction } from '../../database/database.ts';
import { newId } from '../../id.ts';
import { createLastUses, type LastUse } from '../last-uses.ts';
import type { BearerPrincipal } from '../principal.ts';
import type { AccessTokenClaims, AccessTokens } from './access-token.ts';
import {
  hashRefreshToken,
  isRefreshToken,
  mintRefreshToken,
  mintSuccessorNonce,
  successorOf,
} from './refresh-token.ts';

/** Where and with what a session was started. */
export interface Device {
  address: string;
  /** As the client named itself, cut to 256 characters. */
  userAgent: string;
  /** Names the request in the log. */
  requestId?: string;
}

/** What a client gets to go on with. */
export interface SessionTokens {
  accessToken: string;
  refreshToken: string;
}

export interface StartedSession extends AccessTokenClaims {
  refreshToken: string;
}

/** What became of a presented refresh token. */
export type Rotation =
  /** Used now for the first time. */
  | { outcome: 'rotated'; session: AccessTokenClaims }
  /** Used a moment ago, its successor not yet: the same answer again (many tabs, lost answers). */
  | { outcome: 'repeated'; session: AccessTokenClaims; successorNonce: string }
  | { outcome: 'refused' };

export interface SessionStore {
  insert(
    trx: Transaction,
    session: { id: string; accountId: string; refreshTokenHash: string } & Device,
  ): Promise<void>;
  /** Returns a live session of an enabled account, read fresh, or null. */
  find(sessionId: string, accountId: string): Promise<Omit<BearerPrincipal, 'scheme'> | null>;
  /** Uses up a refresh token in one transaction: see the store for every case. */
  rotate(presentedHash: string, next: { nonce: string; successorHash: string }, device: Device): Promise<Rotation>;
  /** Ends a session in one transaction with its event. */
  end(sessionId: string, device: Device): Promise<void>;
  endByRefreshToken(hash: string, device: Device): Promise<void>;
  endAll(trx: Transaction, accountId: string): Promise<number>;
  markAuthenticated(session: AccessTokenClaims, device: Device): Promise<void>;
  saveLastUses(uses: LastUse[]): Promise<void>;
  purge(stop?: AbortSignal): Promise<void>;
}

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(store: SessionStore, accessTokens: AccessTokens, clock: Clock) {
  const lastUses = createLastUses(clock, (uses) => store.saveLastUses(uses));

  return {
    /** Starts a session inside `trx`; `issueTokens` once that transaction has committed. */
    async start(trx: Transaction, accountId: string, device: Device): Promise<StartedSession> {
      const sessionId = newId('ses');
      const refreshToken = mintRefreshToken();
      await store.insert(trx, {
        id: sessionId,
        accountId,
        refreshTokenHash: hashRefreshToken(refreshToken),
        ...device,
      });
      return { accountId, sessionId, refreshToken };
    },

    async issueTokens({ refreshToken, ...session }: StartedSession): Promise<SessionTokens> {
      return { refreshToken, accessToken: await accessTokens.sign(session) };
    },

    /**
     * Exchanges a refresh token for its one successor. Throws `invalid_credentials` when it has none to give;
     * a replay past the grace has then ended its session.
     */
    async refresh(token: string, device: Device): Promise<SessionTokens> {
      if (!isRefreshToken(token)) throw new AppError('invalid_credentials');
      const nonce = mintSuccessorNonce();
      const successor = successorOf(token, nonce);
      const rotation = await store.rotate(
        hashRefreshToken(token),
        { nonce, successorHash: hashRefreshToken(successor) },
        device,
      );
      if (rotation.outcome === 'refused') throw new AppError('invalid_credentials');
      return {
        refreshToken: rotation.outcome === 'rotated' ? successor : successorOf(token, rotation.successorNonce),
        accessToken: await accessTokens.sign(rotation.session),
      };
    },

    /** Returns who holds a valid access token of a live session, or null. The session is read on every call. */
    async verifyAccessToken(token: string, address: string): Promise<BearerPrincipal | null> {
      const claims = await accessTokens.verify(token);
      if (!claims) return null;
      const session = await store.find(claims.sessionId, claims.accountId);
      if (!session) return null;
      const { accountId, email, accountCreatedAt, sessionId, authenticatedSecondsAgo } = session;
      lastUses.note(sessionId, address);
      return { scheme: 'bearer', accountId, email, accountCreatedAt, sessionId, authenticatedSecondsAgo };
    },

    /** Ends the session of whoever holds it. */
    end: (sessionId: string, device: Device): Promise<void> => store.end(sessionId, device),

    /** Ends the session a refresh token belongs to; an unknown token ends nothing. */
    async endByRefreshToken(token: string, device: Device): Promise<void> {
      if (isRefreshToken(token)) await store.endByRefreshToken(hashRefreshToken(token), device);
    },

    /** Ends every session of an account. Returns how many were live. */
    endAll: (trx: Transaction, accountId: string): Promise<number> => store.endAll(trx, accountId),

    /** Notes that the person behind a session has just proved the password again. */
    markAuthenticated: (session: AccessTokenClaims, device: Device): Promise<void> =>
      store.markAuthenticated(session, device),

    flushLastUses: () => lastUses.flush(),

    /** Forgets spent nonces and sessions that are over. */
    purge: (stop?: AbortSignal): Promise<void> => store.purge(stop),
  };
}
