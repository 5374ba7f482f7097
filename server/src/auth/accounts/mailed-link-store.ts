import { sql } from '#kysely';
import { AppError } from '../../app-error.ts';
import type { Database } from '../../database/database.ts';
import { isUniqueViolation } from '../../database/unique-violation.ts';
import { enqueueAskedMail, enqueueNotice, voidMailedLinks } from '../../mail/outbox-store.ts';
import type { MailedLinkStore } from './mailed-links.ts';

export function createMailedLinkStore(database: Database): MailedLinkStore {
  const { query, now } = database;
  return {
    transaction: (work) => database.transaction(work),

    ask: (trx, mail) => enqueueAskedMail(trx, now, mail),

    notify: (trx, accountId, kind, details) => enqueueNotice(trx, now, accountId, kind, details),

    voidAll: voidMailedLinks,

    async issue(trx, { hash, purpose, accountId, ttlSeconds }) {
      await trx.deleteFrom('mailed_links').where('account_id', '=', accountId).where('purpose', '=', purpose).execute();
      const { numInsertedOrUpdatedRows } = await trx
        .insertInto('mailed_links')
        .columns(['hash', 'purpose', 'email', 'account_id', 'expires_at'])
        .expression((eb) =>
          eb
            .selectFrom('accounts')
            .select([
              sql<string>`CAST(${hash} AS TEXT)`.as('hash'),
              sql<string>`CAST(${purpose} AS TEXT)`.as('purpose'),
              'email',
              'id as account_id',
              sql<number>`${now} + ${sql.lit(ttlSeconds * 1000)}`.as('expires_at'),
            ])
            .where('id', '=', accountId)
            .where('disabled_at', 'is', null),
        )
        .executeTakeFirst();
      return (numInsertedOrUpdatedRows ?? 0n) > 0n;
    },

    async find(hash, purposes) {
      const link = await query
        .selectFrom('mailed_links')
        .select(['purpose', 'email'])
        .where('hash', '=', hash)
        .where('purpose', 'in', purposes)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return link ? { ...link, purpose: link.purpose as (typeof purposes)[number] } : null;
    },

    async take(trx, hash, purposes) {
      const link = await trx
        .deleteFrom('mailed_links')
        .where('hash', '=', hash)
        .where('purpose', 'in', purposes)
        .where('expires_at', '>', now)
        .returning(['purpose', 'email', 'account_id as accountId', 'password_hash as passwordHash'])
        .executeTakeFirst();
      return link ? { ...link, purpose: link.purpose as (typeof purposes)[number] } : null;
    },

    async setPassword(trx, accountId, passwordHash) {
      const { numUpdatedRows } = await trx
        .updateTable('accounts')
        .set({ password_hash: passwordHash })
        .where('id', '=', accountId)
        .where('disabled_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async setEmail(trx, accountId, email) {
      // The lock comes first, so that the former address is the one that is replaced.
      const former = await trx
        .updateTable('accounts')
        .set({ email: sql<string>`email` })
        .where('id', '=', accountId)
        .where('disabled_at', 'is', null)
        .returning('email')
        .executeTakeFirst();
      if (!former) return null;
      try {
        await trx.updateTable('accounts').set({ email }).where('id', '=', accountId).execute();
      } catch (error) {
        if (isUniqueViolation(error)) throw new AppError('email_taken');
        throw error;
      }
      return former.email;
    },
  };
}
