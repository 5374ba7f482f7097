import type { Database, Transaction } from '../database/database.ts';
import { newId } from '../id.ts';

/** What the audit log records. */
export interface NewEvent {
  accountId: string;
  kind: 'api_key_rotated' | 'refresh_reuse';
  address: string | null;
  sessionId: string | null;
  apiKeyId: string | null;
  /** Further facts, never a secret. */
  details: Record<string, string>;
}

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
      session_id: event.sessionId,
      api_key_id: event.apiKeyId,
      details: JSON.stringify(event.details),
    })
    .execute();
}
