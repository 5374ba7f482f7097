import { type Expression, type ExpressionBuilder, type SqlBool, sql } from '#kysely';
import type { Database, Transaction } from '../../database/database.ts';
import { prepareRead } from '../../database/prepared-query.ts';
import type { Schema } from '../../database/schema.ts';
import { appendEvent } from '../../events/event-store.ts';
import { enqueueNotice } from '../../mail/outbox-store.ts';
import { inSlices } from '../../slices.ts';
import { inLockOrder } from '../last-uses.ts';
import { sessionIdleSeconds } from './refresh-token.ts';
import type { Device, Rotation, SessionStore } from './sessions.ts';

/** A token presented again within this time of its use, its successor unused, gets the same successor. */
const graceMs = 10_000;
const idleMs = sessionIdleSeconds * 1000;
const absoluteMs = 90 * 24 * 3_600_000;
/** Ended and expired sessions, with every hash of their refresh tokens, are kept this long so that a late replay is still known. */
const keepEndedMs = 30 * 24 * 3_600_000;

/** Tells, in SQL, whether a session is live: not ended, neither idle nor past its last day, its account enabled. */
export function liveSession(now: Database['now']) {
  return (eb: ExpressionBuilder<Schema, 'sessions' | 'accounts'>) =>
    eb.and([
      eb('sessions.ended_at', 'is', null),
      eb('sessions.last_active_at', '>', sql<number>`${now} - ${sql.lit(idleMs)}`),
      eb('sessions.created_at', '>', sql<number>`${now} - ${sql.lit(absoluteMs)}`),
      eb('accounts.disabled_at', 'is', null),
    ]);
}

export function createSessionStore(database: Database): SessionStore {
  const { query, now } = database;

  const isLive = liveSession(now);

  const readLive = database.credentialReads(
    prepareRead((ids) =>
      query
        .selectFrom('sessions')
        .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
        .select([
          'sessions.id as sessionId',
          'accounts.id as accountId',
          'accounts.email',
          'accounts.created_at as accountCreatedAt',
          sql<number>`(${now} - sessions.authenticated_at) / 1000`.as('authenticatedSecondsAgo'),
        ])
        .where('sessions.id', 'in', ids)
        .where(isLive)
        .where(database.onPrimary),
    ),
    ({ sessionId }) => sessionId,
  );

  const liveSessionOf = (trx: Transaction, sessionId: string) =>
    trx
      .selectFrom('sessions')
      .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
      .select(['sessions.id as sessionId', 'accounts.id as accountId'])
      .where('sessions.id', '=', sessionId)
      .where(isLive)
      .executeTakeFirst();

  return {
    async insert(trx, { id, accountId, refreshTokenHash, address, userAgent }) {
      await trx
        .insertInto('sessions')
        .values({
          id,
          account_id: accountId,
          created_at: now,
          authenticated_at: now,
          last_active_at: now,
          ended_at: null,
          address,
          user_agent: userAgent,
        })
        .execute();
      await insertRefreshToken(trx, refreshTokenHash, id);
    },

    async find(sessionId, accountId) {
      const session = await readLive(sessionId);
      return session?.accountId === accountId ? session : null;
    },

    rotate: (presentedHash, { nonce, successorHash }, device) =>
      database.transaction(async (trx): Promise<Rotation> => {
        // The condition in the UPDATE decides the race: of parallel requests exactly one finds the token unused.
        const used = await trx
          .updateTable('refresh_tokens')
          .set({ used_at: now, successor_nonce: nonce })
          .where('hash', '=', presentedHash)
          .where('used_at', 'is', null)
          .returning('session_id')
          .executeTakeFirst();
        if (!used) return presentedAgain(trx, presentedHash, device);

        const session = await liveSessionOf(trx, used.session_id);
        if (!session) return { outcome: 'refused' };
        await insertRefreshToken(trx, successorHash, session.sessionId);
        // The presented token was its parent's successor: now that it is used, the parent has no answer to repeat.
        await trx
          .updateTable('refresh_tokens')
          .set({ successor_nonce: null })
          .where('session_id', '=', session.sessionId)
          .where('successor_nonce', 'is not', null)
          .where('hash', '!=', presentedHash)
          .execute();
        await trx.updateTable('sessions').set({ last_active_at: now }).where('id', '=', session.sessionId).execute();
        return { outcome: 'rotated', session };
      }),

    end: (sessionId, device) => database.transaction((trx) => signOut(trx, (eb) => eb('id', '=', sessionId), device)),

    endByRefreshToken: (hash, device) =>
      database.transaction((trx) =>
        signOut(
          trx,
          (eb) => eb('id', 'in', eb.selectFrom('refresh_tokens').select('session_id').where('hash', '=', hash)),
          device,
        ),
      ),

    async endAll(trx, accountId) {
      const { numUpdatedRows } = await trx
        .updateTable('sessions')
        .set({ ended_at: now })
        .where('account_id', '=', accountId)
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    },

    markAuthenticated: ({ sessionId, accountId }, device) =>
      database.transaction(async (trx) => {
        await trx.updateTable('sessions').set({ authenticated_at: now }).where('id', '=', sessionId).execute();
        const kind = 'reauthenticated';
        await appendEvent(trx, now, { accountId, kind, ...device, sessionId, apiKeyId: null, details: {} });
      }),

    saveLastUses: (uses) =>
      database.lockingTransaction(async (trx) => {
        for (const use of inLockOrder(uses)) {
          await trx
            .updateTable('sessions')
            .set({
              // A node whose clock is ahead must not let a session idle for longer.
              last_active_at: sql<number>`CASE WHEN ${use.at} > ${now} THEN ${now} ELSE ${use.at} END`,
              address: use.address,
            })
            .where('id', '=', use.id)
            .where('last_active_at', '<', use.at)
            .execute();
        }
      }),

    async purge(stop) {
      const over = sql<SqlBool>`sessions.last_active_at < ${now} - ${sql.lit(idleMs + keepEndedMs)}`;
      await inSlices(async (rows) => {
        const { numUpdatedRows } = await query
          .updateTable('refresh_tokens')
          .set({ successor_nonce: null })
          .where('hash', 'in', (eb) =>
            eb
              .selectFrom('refresh_tokens')
              .select('hash')
              .where('successor_nonce', 'is not', null)
              .where('used_at', '<', sql<number>`${now} - ${sql.lit(graceMs)}`)
              .limit(rows),
          )
          .executeTakeFirst();
        return numUpdatedRows;
      }, stop);
      // A session in use for months has thousands of tokens: they go before it, not all at once with it.
      await inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('refresh_tokens')
          .where('hash', 'in', (eb) =>
            eb
              .selectFrom('sessions')
              .innerJoin('refresh_tokens as spent', 'spent.session_id', 'sessions.id')
              .select('spent.hash')
              .where(over)
              .limit(rows),
          )
          .executeTakeFirst();
        return numDeletedRows;
      }, stop);
      await inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('sessions')
          .where('id', 'in', (eb) => eb.selectFrom('sessions').select('id').where(over).limit(rows))
          .executeTakeFirst();
        return numDeletedRows;
      }, stop);
    },
  };

  async function insertRefreshToken(trx: Transaction, hash: string, sessionId: string): Promise<void> {
    await trx
      .insertInto('refresh_tokens')
      .values({ hash, session_id: sessionId, used_at: null, successor_nonce: null })
      .execute();
  }

  async function signOut(
    trx: Transaction,
    which: (eb: ExpressionBuilder<Schema, 'sessions'>) => Expression<SqlBool>,
    device: Device,
  ): Promise<void> {
    const ended = await trx
      .updateTable('sessions')
      .set({ ended_at: now })
      .where(which)
      .where('ended_at', 'is', null)
      .returning(['id as sessionId', 'account_id as accountId'])
      .executeTakeFirst();
    if (!ended) return;
    await appendEvent(trx, now, { kind: 'signed_out', ...ended, ...device, apiKeyId: null, details: {} });
  }

  /** A token that was used before, or that nobody knows. */
  async function presentedAgain(trx: Transaction, hash: string, device: Device): Promise<Rotation> {
    const token = await trx
      .selectFrom('refresh_tokens')
      .select(['session_id', 'successor_nonce', sql<number>`${now} - used_at`.as('usedMsAgo')])
      .where('hash', '=', hash)
      .executeTakeFirst();
    if (!token) return { outcome: 'refused' };
    const session = await liveSessionOf(trx, token.session_id);
    if (!session) return { outcome: 'refused' };
    if (token.usedMsAgo <= graceMs) {
      return token.successor_nonce === null
        ? { outcome: 'refused' }
        : { outcome: 'repeated', session, successorNonce: token.successor_nonce };
    }
    // RFC 9700 section 4.14.2: an old token in use again means that somebody else holds a copy.
    const { numUpdatedRows } = await trx
      .updateTable('sessions')
      .set({ ended_at: now })
      .where('id', '=', session.sessionId)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows > 0n) {
      await appendEvent(trx, now, {
        accountId: session.accountId,
        kind: 'refresh_reuse',
        ...device,
        sessionId: session.sessionId,
        apiKeyId: null,
        details: {},
      });
      await enqueueNotice(trx, now, session.accountId, 'refresh_reuse', { address: device.address });
    }
    return { outcome: 'refused' };
  }
}
