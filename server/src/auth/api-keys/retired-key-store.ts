import { sql } from '#kysely';
import type { Database, Transaction } from '../../database/database.ts';
import { inSlices } from '../../slices.ts';
import { keptRetiredKeys } from './retired-key.ts';
import type { RetiredKeyStore } from './retired-keys.ts';

export function createRetiredKeyStore(database: Database): RetiredKeyStore {
  return {
    async isRetired(hash) {
      const row = await database.query
        .selectFrom('retired_api_keys')
        .select('hash')
        .where('hash', '=', hash)
        .executeTakeFirst();
      return row !== undefined;
    },

    saveAttempts: (attempts) =>
      database.lockingTransaction(async (trx) => {
        // Always in the same order, so that two nodes never wait for each other's rows.
        for (const each of [...attempts].sort((one, other) => (one.hash < other.hash ? -1 : 1))) {
          const isLater = sql<boolean>`last_attempt_at IS NULL OR last_attempt_at < ${each.lastAt}`;
          await trx
            .updateTable('retired_api_keys')
            .set({
              attempts: sql<number>`attempts + ${each.attempts}`,
              last_attempt_at: sql<number>`CASE WHEN ${isLater} THEN ${each.lastAt} ELSE last_attempt_at END`,
              last_attempt_ip: sql<string>`CASE WHEN ${isLater} THEN ${each.address} ELSE last_attempt_ip END`,
            })
            .where('hash', '=', each.hash)
            .execute();
        }
      }),

    forgetAddresses: (olderThanDays, stop) =>
      inSlices(async (rows) => {
        const { numUpdatedRows } = await database.query
          .updateTable('retired_api_keys')
          .set({ last_attempt_ip: null })
          .where('hash', 'in', (eb) =>
            eb
              .selectFrom('retired_api_keys')
              .select('hash')
              .where('last_attempt_ip', 'is not', null)
              .where('last_attempt_at', '<', sql<number>`${database.now} - ${olderThanDays * 86_400_000}`)
              .limit(rows),
          )
          .executeTakeFirst();
        return numUpdatedRows;
      }, stop),
  };
}

/**
 * Keeps the secret that a rotation replaces, inside its transaction, and begins the count of attempts anew.
 * Of the key's former secrets the newest `keptRetiredKeys` stay known.
 */
export async function retireKey(
  trx: Transaction,
  retired: { hash: string; apiKeyId: string; accountId: string; rotatedAt: number },
): Promise<void> {
  await trx
    .updateTable('retired_api_keys')
    .set({ attempts: 0, last_attempt_at: null, last_attempt_ip: null })
    .where('api_key_id', '=', retired.apiKeyId)
    .execute();
  await trx
    .insertInto('retired_api_keys')
    .values({
      hash: retired.hash,
      api_key_id: retired.apiKeyId,
      account_id: retired.accountId,
      rotated_at: retired.rotatedAt,
      last_attempt_at: null,
      last_attempt_ip: null,
    })
    .execute();
  await trx
    .deleteFrom('retired_api_keys')
    .where('hash', 'in', (eb) =>
      eb
        .selectFrom('retired_api_keys')
        .select('hash')
        .where('api_key_id', '=', retired.apiKeyId)
        .orderBy('rotated_at', 'desc')
        .orderBy('hash')
        // SQLite takes no OFFSET without a LIMIT; one goes as one comes.
        .limit(keptRetiredKeys)
        .offset(keptRetiredKeys),
    )
    .execute();
}
