import { sql } from '#kysely';
import type { Database, Transaction } from '../../database/database.ts';
import { inSlices } from '../../slices.ts';
import { addressesPerDay, type SeenAddress, type SeenAddressStore } from './seen-addresses.ts';

export function createSeenAddressStore(database: Database): SeenAddressStore {
  const { query } = database;
  return {
    save: (seen) =>
      database.lockingTransaction(async (trx) => {
        // Always in the same order, so that two nodes never wait for each other's keys.
        const keyIds = [...new Set(seen.map(({ apiKeyId }) => apiKeyId))].sort();
        for (const apiKeyId of keyIds) {
          if (!(await lockKey(trx, apiKeyId))) continue;
          const ofKey = seen.filter((each) => each.apiKeyId === apiKeyId);
          for (const [day, ofDay] of Map.groupBy(ofKey, (each) => each.day)) await saveDay(trx, apiKeyId, day, ofDay);
        }
      }),

    list: ({ accountId, apiKeyId }, firstDay, limit) =>
      query
        .selectFrom('api_key_addresses')
        .innerJoin('api_keys', 'api_keys.id', 'api_key_addresses.api_key_id')
        .select((eb) => ['address', eb.fn.max('api_key_addresses.last_used_at').as('lastUsedAt')])
        .where('api_key_id', '=', apiKeyId)
        .where('account_id', '=', accountId)
        .where('day', '>=', firstDay)
        .groupBy('address')
        .orderBy('lastUsedAt', 'desc')
        .orderBy('address')
        .limit(limit)
        .execute(),

    purge: (firstKeptDay, stop) =>
      inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('api_key_addresses')
          .where(({ eb, refTuple, selectFrom }) =>
            eb(
              refTuple('api_key_id', 'day', 'address'),
              'in',
              selectFrom('api_key_addresses')
                .select(['api_key_id', 'day', 'address'])
                .where('day', '<', firstKeptDay)
                .orderBy('day')
                .limit(rows)
                .$asTuple('api_key_id', 'day', 'address'),
            ),
          )
          .executeTakeFirst();
        return numDeletedRows;
      }, stop),
  };
}

/** Keeps a key's row until the transaction ends; false when it is gone. An update locks on every engine. */
async function lockKey(trx: Transaction, apiKeyId: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('api_keys')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('id', '=', apiKeyId)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Adds addresses of a key and day; its row is locked, so the addresses counted are all there are. */
async function saveDay(trx: Transaction, apiKeyId: string, day: string, seen: readonly SeenAddress[]): Promise<void> {
  const rows = await trx
    .selectFrom('api_key_addresses')
    .select('address')
    .where('api_key_id', '=', apiKeyId)
    .where('day', '=', day)
    .execute();
  const known = new Set(rows.map(({ address }) => address));
  for (const { address, lastUsedAt } of seen) {
    if (!known.has(address) && known.size >= addressesPerDay) continue;
    known.add(address);
    await trx
      .insertInto('api_key_addresses')
      .values({ api_key_id: apiKeyId, day, address, last_used_at: lastUsedAt })
      .onConflict((conflict) =>
        conflict.columns(['api_key_id', 'day', 'address']).doUpdateSet({
          last_used_at: sql<number>`CASE WHEN excluded.last_used_at > api_key_addresses.last_used_at THEN excluded.last_used_at ELSE api_key_addresses.last_used_at END`,
        }),
      )
      .execute();
  }
}
