import type { Database, Transaction } from '../database/database.ts';
import { newId } from '../id.ts';
import type { AskedMail, MailDetails, NoticeKind } from './mail.ts';

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
