import { sql } from '#kysely';
import { AppError } from '../../app-error.ts';
import type { Database } from '../../database/database.ts';
import { isUniqueViolation } from '../../database/unique-violation.ts';
import type { Account, AccountStore } from './accounts.ts';

const accountColumns = ['id', 'email', 'created_at as createdAt', 'disabled_at as disabledAt'] as const;

export function createAccountStore(database: Database): AccountStore {
  const { query, now } = database;
  const withPassword = () => query.selectFrom('accounts').select([...accountColumns, 'password_hash as passwordHash']);

  return {
    transaction: (work) => database.transaction(work),

    async insert(trx, { id, email, passwordHash }): Promise<Account> {
      try {
        const account = await trx
          .insertInto('accounts')
          .values({ id, email, password_hash: passwordHash, created_at: now, disabled_at: null })
          .returning(accountColumns)
          .executeTakeFirstOrThrow();
        await trx.insertInto('storage_usage').values({ account_id: id, document_bytes: 0, stored_bytes: 0 }).execute();
        return account;
      } catch (error) {
        if (isUniqueViolation(error)) throw new AppError('email_taken');
        throw error;
      }
    },

    findByEmail: async (email) => (await withPassword().where('email', '=', email).executeTakeFirst()) ?? null,

    findById: async (accountId) => (await withPassword().where('id', '=', accountId).executeTakeFirst()) ?? null,

    async lockUnchanged(trx, accountId, passwordHash) {
      const { numUpdatedRows } = await trx
        .updateTable('accounts')
        .set({ password_hash: passwordHash })
        .where('id', '=', accountId)
        .where('password_hash', '=', passwordHash)
        .where('disabled_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    list: () => query.selectFrom('accounts').select(accountColumns).orderBy('created_at').orderBy('id').execute(),

    async setDisabled(trx, accountId, disabled) {
      const { numUpdatedRows } = await trx
        .updateTable('accounts')
        .set({ disabled_at: disabled ? now : null })
        .where('id', '=', accountId)
        .where('disabled_at', disabled ? 'is' : 'is not', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    delete: (accountId) =>
      database.transaction(async (trx) => {
        await trx.deleteFrom('accounts').where('id', '=', accountId).execute();
        // No longer reachable from here on; the bytes themselves are purged in slices.
        await trx.updateTable('content_versions').set({ released_at: 0 }).where('account_id', '=', accountId).execute();
      }),

    async insertInvitation({ hash, email, ttlSeconds }) {
      await database.transaction(async (trx) => {
        await trx.deleteFrom('invitations').where('email', '=', email).execute();
        await trx
          .insertInto('invitations')
          .values({ hash, email, expires_at: sql<number>`${now} + ${sql.lit(ttlSeconds * 1000)}` })
          .execute();
      });
    },

    async takeInvitation(trx, hash, email) {
      const { numDeletedRows } = await trx
        .deleteFrom('invitations')
        .where('hash', '=', hash)
        .where('email', '=', email)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    async purgeInvitations(limit) {
      const { numDeletedRows } = await query
        .deleteFrom('invitations')
        .where('hash', 'in', (eb) =>
          eb.selectFrom('invitations').select('hash').where('expires_at', '<=', now).limit(limit),
        )
        .executeTakeFirst();
      return numDeletedRows;
    },
  };
}
