import { AppError } from '../app-error.ts';
import type { Transaction } from '../database/database.ts';

/** Replaced and unfinished content may take as much again as the documents themselves, so that a full account can be edited. */
const storedPerQuota = 2;

export interface AccountQuota {
  bytes: number;
  /** Their number is bounded too: documents without a byte would otherwise fill the disk with their rows. */
  documents: number;
}

/** Counts a change of an account's documents and of the bytes they point at. Throws `quota_exceeded` when it grows past the quota. */
export async function addDocuments(
  trx: Transaction,
  accountId: string,
  { documents, bytes }: { documents: -1 | 0 | 1; bytes: number },
  quota: AccountQuota,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('storage_usage')
    .set((eb) => ({
      document_count: eb('document_count', '+', documents),
      document_bytes: eb('document_bytes', '+', bytes),
    }))
    .where('account_id', '=', accountId)
    // Shrinking is allowed even to an account that a lowered quota has left too full.
    .$if(bytes > 0, (update) => update.where('document_bytes', '<=', quota.bytes - bytes))
    .$if(documents > 0, (update) => update.where('document_count', '<=', quota.documents - documents))
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    await refuse(trx, accountId, `An account may hold ${quota.documents} documents of ${quota.bytes} bytes in all.`);
  }
}

/** Counts a chunk about to be stored. Throws `quota_exceeded` when the account's disk use would pass twice its quota. */
export async function addStoredBytes(
  trx: Transaction,
  accountId: string,
  bytes: number,
  quotaBytes: number,
): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('storage_usage')
    .set((eb) => ({ stored_bytes: eb('stored_bytes', '+', bytes) }))
    .where('account_id', '=', accountId)
    .where('stored_bytes', '<=', storedPerQuota * quotaBytes - bytes)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) {
    const detail = 'Uploads in progress and replaced documents fill the account; they are cleared within minutes.';
    await refuse(trx, accountId, detail);
  }
}

/** Counts erased chunks; a deleted account has no row any more. */
export async function subtractStoredBytes(trx: Transaction, accountId: string, bytes: number): Promise<void> {
  await trx
    .updateTable('storage_usage')
    .set((eb) => ({ stored_bytes: eb('stored_bytes', '-', bytes) }))
    .where('account_id', '=', accountId)
    .execute();
}

async function refuse(trx: Transaction, accountId: string, detail: string): Promise<never> {
  const account = await trx
    .selectFrom('storage_usage')
    .select('account_id')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  // The account was deleted while its upload was on the way.
  throw account ? new AppError('quota_exceeded', { detail }) : new AppError('invalid_credentials');
}
