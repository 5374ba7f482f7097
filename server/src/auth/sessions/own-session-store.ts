import type { Database, Transaction } from '../../database/database.ts';
import { appendEvent } from '../../events/event-store.ts';
import type { CallingSession, OwnSessionStore } from './own-sessions.ts';
import { liveSession } from './session-store.ts';

export function createOwnSessionStore(database: Database): OwnSessionStore {
  const { query, now } = database;

  const liveSessionsOf = (db: Pick<Transaction, 'selectFrom'>, accountId: string) =>
    db
      .selectFrom('sessions')
      .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
      .where('sessions.account_id', '=', accountId)
      .where(liveSession(now));

  /** Returns how many sessions ended: those of the account that are live and that `which` names. */
  async function end(
    trx: Transaction,
    accountId: string,
    which: { only: string } | { allBut: string },
  ): Promise<number> {
    const { numUpdatedRows } = await trx
      .updateTable('sessions')
      .set({ ended_at: now })
      .where('id', 'in', liveSessionsOf(trx, accountId).select('sessions.id'))
      .where('id', 'only' in which ? '=' : '!=', 'only' in which ? which.only : which.allBut)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  return {
    list: (accountId, limit) =>
      liveSessionsOf(query, accountId)
        .select([
          'sessions.id',
          'sessions.address',
          'sessions.user_agent',
          'sessions.created_at',
          'sessions.last_active_at',
        ])
        .orderBy('sessions.last_active_at', 'desc')
        .orderBy('sessions.id')
        .limit(limit)
        .execute(),

    endOne: (accountId, sessionId, actor) =>
      database.transaction(async (trx) => {
        if ((await end(trx, accountId, { only: sessionId })) === 0) return false;
        const details = { ended_session_id: sessionId };
        await appendEvent(trx, now, { accountId, kind: 'session_ended', ...actor, apiKeyId: null, details });
        return true;
      }),

    endOthers: ({ accountId, sessionId }, actor) =>
      database.transaction(async (trx) => {
        const count = await end(trx, accountId, { allBut: sessionId });
        if (count > 0) {
          const details = { ended_sessions: String(count) };
          await appendEvent(trx, now, { accountId, kind: 'other_sessions_ended', ...actor, apiKeyId: null, details });
        }
        return count;
      }),

    async keepOnly(trx, { accountId, sessionId }: CallingSession) {
      await end(trx, accountId, { allBut: sessionId });
      const { numUpdatedRows } = await trx
        .updateTable('sessions')
        .set({ authenticated_at: now })
        .where('id', 'in', liveSessionsOf(trx, accountId).select('sessions.id'))
        .where('id', '=', sessionId)
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
  };
}
