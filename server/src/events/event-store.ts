import type { Database, Transaction } from '../database/database.ts';
import { newId } from '../id.ts';
import type { NewEvent } from './event.ts';

/** Appends to the audit log inside the transaction of what it tells of, so that neither stands without the other. */
export async function appendEvent(trx: Transaction, now: Database['now'], event: NewEvent): Promise<void> {
  await trx
    .insertInto('events')
    .values({
      id: newId('evt'),
      account_id: event.accountId,
      kind: event.kind,
      at: now,
      address: event.address,
      user_agent: event.userAgent,
      session_id: event.sessionId,
      api_key_id: event.apiKeyId,
      details: JSON.stringify(event.details),
    })
    .execute();
}
