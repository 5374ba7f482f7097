import { AppError } from '../../app-error.ts';
import type { Transaction } from '../../database/database.ts';
import type { Actor } from '../actor.ts';

/** A live session as its owner may see it. */
export interface SessionView {
  id: string;
  /** Where it was last active. */
  address: string;
  user_agent: string;
  /** Milliseconds since 1970. */
  created_at: number;
  /** A few seconds late: gathered in memory. */
  last_active_at: number;
}

/** The session that asks. */
export interface CallingSession {
  accountId: string;
  sessionId: string;
}

export interface OwnSessionStore {
  /** Newest activity first. */
  list(accountId: string, limit: number): Promise<SessionView[]>;
  /** Ends a live session in one transaction with its event. Returns whether the account had it. */
  endOne(accountId: string, sessionId: string, actor: Actor): Promise<boolean>;
  /** Ends every live session of the account but one, with one event if there was any. Returns how many. */
  endOthers(calling: CallingSession, actor: Actor): Promise<number>;
  /** See `keepOnly` below. */
  keepOnly(trx: Transaction, calling: CallingSession): Promise<boolean>;
}

/** More can be live, and end with "all others"; those are the ones that were active longest ago. */
export const listedSessions = 1000;

export type OwnSessions = ReturnType<typeof createOwnSessions>;

/** What people see and end of their own sessions. Whatever ends is refused from the next request on. */
export function createOwnSessions(store: OwnSessionStore) {
  return {
    list: (accountId: string): Promise<SessionView[]> => store.list(accountId, listedSessions),

    /** Throws `not_found` when the account has no live session of this id. */
    async end(accountId: string, sessionId: string, actor: Actor): Promise<void> {
      if (!(await store.endOne(accountId, sessionId, actor))) throw new AppError('not_found');
    },

    endOthers: (calling: CallingSession, actor: Actor): Promise<number> => store.endOthers(calling, actor),

    /**
     * Inside `trx`: ends every session of the account but the calling one, which counts as freshly authenticated.
     * Returns whether the calling one is still live; when it is not, nothing that it asked for may happen.
     */
    keepOnly: (trx: Transaction, calling: CallingSession): Promise<boolean> => store.keepOnly(trx, calling),
  };
}
