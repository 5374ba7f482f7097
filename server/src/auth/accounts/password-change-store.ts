import type { Database } from '../../database/database.ts';
import { enqueueNotice, voidMailedLinks } from '../../mail/outbox-store.ts';
import type { PasswordChangeStore } from './password-change.ts';

export function createPasswordChangeStore(database: Database): PasswordChangeStore {
  const { query, now } = database;
  return {
    async find(accountId) {
      const account = await query
        .selectFrom('accounts')
        .select(['email', 'password_hash as passwordHash'])
        .where('id', '=', accountId)
        .executeTakeFirst();
      return account ?? null;
    },

    replace: ({ accountId, provedHash, newHash, address }, alongside) =>
      database.transaction(async (trx) => {
        // The condition decides between two changes at once, and against a sign-in that is under way: it locks this row.
        const { numUpdatedRows } = await trx
          .updateTable('accounts')
          .set({ password_hash: newHash })
          .where('id', '=', accountId)
          .where('password_hash', '=', provedHash)
          .where('disabled_at', 'is', null)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) return false;
        await voidMailedLinks(trx, accountId);
        await enqueueNotice(trx, now, accountId, 'password_changed', { address });
        await alongside(trx);
        return true;
      }),
  };
}
