import { sql } from '#kysely';
import type { Database, Transaction } from '../database/database.ts';
import { newId } from '../id.ts';
import { type AskedMail, isAsked, type MailDetails, type MailKind, type NoticeKind } from './mail.ts';
import type { LinkPurpose } from './mailed-link.ts';
import type { LeasedMail, OutboxStore } from './outbox.ts';

/** An expired sign-up link is kept this long, so that it can still be mailed again. */
const keepExpiredMs = 24 * 3_600_000;

/**
 * Puts a mail that somebody asked for into the outbox, inside the transaction of what asks for it. One row for known and
 * unknown addresses alike; it takes the place of an earlier one of its kind and address that is still to be sent.
 */
export async function enqueueAskedMail(trx: Transaction, now: Database['now'], mail: AskedMail): Promise<void> {
  const accountId = mail.kind === 'email_change' ? mail.accountId : null;
  await trx
    .deleteFrom('outbox')
    .where('kind', '=', mail.kind)
    .where((eb) => (accountId === null ? eb('recipient', '=', mail.recipient) : eb('account_id', '=', accountId)))
    .execute();
  await trx
    .insertInto('outbox')
    .values({
      id: newId('out'),
      kind: mail.kind,
      recipient: mail.recipient,
      account_id: accountId,
      password_hash: mail.kind === 'sign_up' ? mail.passwordHash : null,
      created_at: now,
      due_at: now,
    })
    .execute();
}

/**
 * Puts a mail to an account's owner, at the address the account has at this point of the transaction, into the outbox.
 * The mail says when it happened, and from where and why as far as `details` tells.
 */
export async function enqueueNotice(
  trx: Transaction,
  now: Database['now'],
  accountId: string,
  kind: NoticeKind,
  details: MailDetails,
): Promise<void> {
  await trx
    .insertInto('outbox')
    .columns(['id', 'kind', 'recipient', 'account_id', 'details', 'created_at', 'due_at'])
    .expression((eb) =>
      eb
        .selectFrom('accounts')
        .select([
          eb.val(newId('out')).as('id'),
          eb.val(kind as string).as('kind'),
          'email',
          'id as account_id',
          eb.val(JSON.stringify(details)).as('details'),
          now.as('created_at'),
          now.as('due_at'),
        ])
        .where('id', '=', accountId),
    )
    .execute();
}

/** Voids every link that has been mailed for an account, and what would mail another: a new password or address ends them all. */
export async function voidMailedLinks(trx: Transaction, accountId: string): Promise<void> {
  await trx.deleteFrom('mailed_links').where('account_id', '=', accountId).execute();
  await trx.deleteFrom('outbox').where('account_id', '=', accountId).where('kind', '=', 'email_change').execute();
}

export function createOutboxStore(database: Database): OutboxStore {
  const { query, now } = database;
  const inSeconds = (seconds: number) => sql<number>`${now} + ${sql.lit(seconds * 1000)}`;

  return {
    due: (limit) =>
      query
        .selectFrom('outbox')
        .select(['id', 'due_at as dueAt'])
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .orderBy('id')
        .limit(limit)
        .execute(),

    async lease(id, dueAt, leaseSeconds) {
      const row = await query
        .updateTable('outbox')
        .set({ due_at: inSeconds(leaseSeconds), attempts: sql<number>`attempts + 1` })
        .where('id', '=', id)
        .where('due_at', '=', dueAt)
        .returningAll()
        .executeTakeFirst();
      if (!row) return null;
      return {
        id: row.id,
        kind: row.kind as MailKind,
        recipient: row.recipient,
        accountId: row.account_id,
        passwordHash: row.password_hash,
        details: JSON.parse(row.details) as MailDetails,
        createdAt: row.created_at,
        attempts: row.attempts,
        dueAt: row.due_at,
      };
    },

    settle: (mail, link) =>
      isAsked(mail.kind)
        ? database.transaction((trx) => settleAsked(trx, mail, link))
        : Promise.resolve({ letter: mail.kind, purpose: null }),

    async remove({ id, dueAt }) {
      await query.deleteFrom('outbox').where('id', '=', id).where('due_at', '=', dueAt).execute();
    },

    async postpone({ id, dueAt }, seconds) {
      await query
        .updateTable('outbox')
        .set({ due_at: inSeconds(seconds) })
        .where('id', '=', id)
        .where('due_at', '=', dueAt)
        .execute();
    },

    async purgeLinks(limit) {
      const { numDeletedRows } = await query
        .deleteFrom('mailed_links')
        .where('hash', 'in', (eb) =>
          eb
            .selectFrom('mailed_links')
            .select('hash')
            .where('expires_at', '<', sql<number>`${now} - ${sql.lit(keepExpiredMs)}`)
            .limit(limit),
        )
        .executeTakeFirst();
      return numDeletedRows;
    },

    giveUp: (olderThanSeconds, limit) =>
      query
        .deleteFrom('outbox')
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('outbox')
            .select('id')
            .where('created_at', '<', inSeconds(-olderThanSeconds))
            .where('attempts', '>', 0)
            .limit(limit),
        )
        .returning(['id', 'kind', 'attempts'])
        .execute(),
  };

  async function settleAsked(
    trx: Transaction,
    mail: LeasedMail,
    link: { hash: string; ttlSeconds: number },
  ): ReturnType<OutboxStore['settle']> {
    const { recipient } = mail;
    const owner = await trx
      .selectFrom('accounts')
      .select(['id', 'disabled_at'])
      .where('email', '=', recipient)
      .executeTakeFirst();
    switch (mail.kind) {
      case 'password_forgotten':
        if (!owner || owner.disabled_at !== null) return null;
        await replaceLink(trx, link, { purpose: 'password_reset', email: recipient, accountId: owner.id });
        return { letter: 'reset_password', purpose: 'password_reset' };
      case 'sign_up':
      case 'sign_up_again': {
        if (owner) return { letter: 'account_exists', purpose: null };
        const passwordHash = mail.passwordHash ?? (await pendingPasswordHash(trx, recipient));
        if (passwordHash === null) return null;
        await replaceLink(trx, link, { purpose: 'sign_up', email: recipient, passwordHash });
        return { letter: 'confirm_sign_up', purpose: 'sign_up' };
      }
      case 'email_change': {
        const { accountId } = mail;
        const asking = await trx
          .selectFrom('accounts')
          .select('id')
          .where('id', '=', accountId)
          .where('disabled_at', 'is', null)
          .executeTakeFirst();
        if (!asking) return null;
        if (owner) return { letter: 'address_in_use', purpose: null };
        await trx
          .deleteFrom('mailed_links')
          .where('account_id', '=', asking.id)
          .where('purpose', '=', 'email_change')
          .execute();
        await replaceLink(trx, link, { purpose: 'email_change', email: recipient, accountId: asking.id });
        return { letter: 'confirm_email_change', purpose: 'email_change' };
      }
      default:
        throw new Error(`A ${mail.kind} mail carries no link.`);
    }
  }

  /** The password of a sign-up whose link is to be mailed again. */
  async function pendingPasswordHash(trx: Transaction, email: string): Promise<string | null> {
    const pending = await trx
      .selectFrom('mailed_links')
      .select('password_hash')
      .where('email', '=', email)
      .where('purpose', '=', 'sign_up')
      .executeTakeFirst();
    return pending?.password_hash ?? null;
  }

  /** A newer link of the same purpose and address voids the former. */
  async function replaceLink(
    trx: Transaction,
    { hash, ttlSeconds }: { hash: string; ttlSeconds: number },
    {
      purpose,
      email,
      accountId,
      passwordHash,
    }: { purpose: LinkPurpose; email: string; accountId?: string; passwordHash?: string },
  ): Promise<void> {
    await trx.deleteFrom('mailed_links').where('email', '=', email).where('purpose', '=', purpose).execute();
    await trx
      .insertInto('mailed_links')
      .values({
        hash,
        purpose,
        email,
        account_id: accountId ?? null,
        password_hash: passwordHash ?? null,
        expires_at: inSeconds(ttlSeconds),
      })
      .execute();
  }
}
