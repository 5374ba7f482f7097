import type { Database } from '../../database/database.ts';
import { appendEvent } from '../../events/event-store.ts';
import { enqueueNotice } from '../../mail/outbox-store.ts';
import type { ApiKeyStore, ApiKeyView } from './api-keys.ts';

const viewColumns = ['id', 'name', 'hint', 'created_at', 'rotated_at', 'last_used_at', 'last_used_ip'] as const;

export function createApiKeyStore(database: Database): ApiKeyStore {
  const { query, now } = database;
  return {
    async insert(trx, { id, accountId, name, hash, hint }) {
      await trx
        .insertInto('api_keys')
        .values({
          id,
          account_id: accountId,
          name,
          hash,
          hint,
          created_at: now,
          rotated_at: null,
          last_used_at: null,
          last_used_ip: null,
        })
        .execute();
    },

    async findByHash(hash) {
      const row = await query
        .selectFrom('api_keys')
        .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
        .select([
          'api_keys.id as apiKeyId',
          'accounts.id as accountId',
          'accounts.email',
          'accounts.created_at as accountCreatedAt',
        ])
        .where('api_keys.hash', '=', hash)
        .where('accounts.disabled_at', 'is', null)
        .executeTakeFirst();
      return row ?? null;
    },

    list: (accountId) =>
      query
        .selectFrom('api_keys')
        .select(viewColumns)
        .where('account_id', '=', accountId)
        .orderBy('created_at')
        .orderBy('id')
        .execute(),

    replace: ({ accountId, apiKeyId }, { hash, hint }, { reason, ...actor }) =>
      database.transaction(async (trx): Promise<ApiKeyView | null> => {
        const replaced = await trx
          .updateTable('api_keys')
          .set({ hash, hint, rotated_at: now })
          .where('id', '=', apiKeyId)
          .where('account_id', '=', accountId)
          .returning(viewColumns)
          .executeTakeFirst();
        if (!replaced) return null;
        await appendEvent(trx, now, {
          accountId,
          kind: 'api_key_rotated',
          ...actor,
          apiKeyId,
          details: reason === null ? {} : { reason },
        });
        await enqueueNotice(trx, now, accountId, 'api_key_rotated', { address: actor.address, reason });
        return replaced;
      }),

    saveLastUses: (uses) =>
      database.transaction(async (trx) => {
        for (const use of uses) {
          await trx
            .updateTable('api_keys')
            .set({ last_used_at: use.at, last_used_ip: use.address })
            .where('id', '=', use.id)
            .execute();
        }
      }),
  };
}
