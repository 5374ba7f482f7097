import { type Kysely, sql } from '#kysely';
import type { Database, Transaction } from '../../database/database.ts';
import { prepareRead } from '../../database/prepared-query.ts';
import type { Schema } from '../../database/schema.ts';
import { allowlistOf, allowlistText } from '../../edge/ip-allowlist.ts';
import { appendEvent } from '../../events/event-store.ts';
import { enqueueNotice } from '../../mail/outbox-store.ts';
import { inLockOrder } from '../last-uses.ts';
import { allowlistSummary } from './api-key-change.ts';
import type { ApiKeyStore, ApiKeyView } from './api-keys.ts';
import { summariseRetired } from './retired-key.ts';
import { retireKey } from './retired-key-store.ts';

const viewColumns = [
  'id',
  'name',
  'hint',
  'created_at',
  'rotated_at',
  'last_used_at',
  'last_used_ip',
  'allowed_ips',
] as const;

export function createApiKeyStore(database: Database): ApiKeyStore {
  const { query, now } = database;

  const readByHash = database.credentialReads(
    prepareRead((hashes) =>
      query
        .selectFrom('api_keys')
        .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
        .select([
          'api_keys.hash',
          'api_keys.id as apiKeyId',
          'accounts.id as accountId',
          'accounts.email',
          'accounts.created_at as accountCreatedAt',
          'api_keys.allowed_ips as allowlist',
        ])
        .where('api_keys.hash', 'in', hashes)
        .where('accounts.disabled_at', 'is', null)
        .where(database.onPrimary),
    ),
    ({ hash }) => hash,
  );

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
          allowed_ips: null,
        })
        .execute();
    },

    findByHash: readByHash,

    list: (accountId) => readViews(query, accountId),

    update: ({ accountId, apiKeyId }, { name, allowedIps }, actor) =>
      database.transaction(async (trx): Promise<ApiKeyView | null> => {
        // An update first: it locks the row on every engine, so what it returns is what the events say was changed.
        const former = await trx
          .updateTable('api_keys')
          .set((eb) => ({ name: eb.ref('name') }))
          .where('id', '=', apiKeyId)
          .where('account_id', '=', accountId)
          .returning(['name', 'allowed_ips'])
          .executeTakeFirst();
        if (!former) return null;
        const event = { accountId, ...actor, apiKeyId };
        if (name !== undefined && name !== former.name) {
          await trx.updateTable('api_keys').set({ name }).where('id', '=', apiKeyId).execute();
          await appendEvent(trx, now, { ...event, kind: 'api_key_renamed', details: { from: former.name, to: name } });
        }
        const text = allowedIps && allowlistText(allowedIps);
        if (text !== undefined && text !== former.allowed_ips) {
          await trx.updateTable('api_keys').set({ allowed_ips: text }).where('id', '=', apiKeyId).execute();
          const from = allowlistSummary(former.allowed_ips === null ? null : allowlistOf(former.allowed_ips));
          const to = allowlistSummary(allowedIps ?? null);
          await appendEvent(trx, now, { ...event, kind: 'allowlist_changed', details: { from, to } });
          const mentioned = { address: actor.address, allowedAddresses: to };
          await enqueueNotice(trx, now, accountId, 'allowlist_changed', mentioned);
        }
        return (await readViews(trx, accountId)).find(({ id }) => id === apiKeyId) ?? null;
      }),

    replace: ({ accountId, apiKeyId }, { hash, hint }, { reason, ...actor }) =>
      database.transaction(async (trx): Promise<ApiKeyView | null> => {
        // An update first: it locks the row on every engine, so the hash it returns is the one to be replaced.
        const former = await trx
          .updateTable('api_keys')
          .set({ rotated_at: now })
          .where('id', '=', apiKeyId)
          .where('account_id', '=', accountId)
          .returning(['hash', sql<number>`rotated_at`.as('rotatedAt')])
          .executeTakeFirst();
        if (!former) return null;
        await retireKey(trx, { ...former, apiKeyId, accountId });
        const replaced = await trx
          .updateTable('api_keys')
          .set({ hash, hint })
          .where('id', '=', apiKeyId)
          .returning(viewColumns)
          .executeTakeFirstOrThrow();
        await appendEvent(trx, now, {
          accountId,
          kind: 'api_key_rotated',
          ...actor,
          apiKeyId,
          details: reason === null ? {} : { reason },
        });
        await enqueueNotice(trx, now, accountId, 'api_key_rotated', { address: actor.address, reason });
        const unused = { attempts: 0, last_attempt_at: null, last_attempt_ip: null };
        return { ...viewOf(replaced), retired: { rotated_at: former.rotatedAt, ...unused } };
      }),

    saveLastUses: (uses) =>
      database.lockingTransaction(async (trx) => {
        for (const use of inLockOrder(uses)) {
          await trx
            .updateTable('api_keys')
            .set({ last_used_at: use.at, last_used_ip: use.address })
            .where('id', '=', use.id)
            .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', use.at)]))
            .execute();
        }
      }),
  };
}

/** Returns an account's keys, oldest first. */
async function readViews(query: Kysely<Schema> | Transaction, accountId: string): Promise<ApiKeyView[]> {
  const keys = await query
    .selectFrom('api_keys')
    .select(viewColumns)
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  const retired = await query
    .selectFrom('api_keys')
    .innerJoin('retired_api_keys', 'retired_api_keys.api_key_id', 'api_keys.id')
    .select([
      'api_key_id',
      'retired_api_keys.rotated_at as rotated_at',
      'attempts',
      'last_attempt_at',
      'last_attempt_ip',
    ])
    .where('api_keys.account_id', '=', accountId)
    .execute();
  return keys.map((key) => {
    const secrets = retired.filter((each) => each.api_key_id === key.id);
    return { ...viewOf(key), retired: summariseRetired(secrets.map(({ api_key_id: _, ...view }) => view)) };
  });
}

function viewOf<T extends { allowed_ips: string | null }>(
  row: T,
): Omit<T, 'allowed_ips'> & Pick<ApiKeyView, 'allowed_ips'> {
  return { ...row, allowed_ips: row.allowed_ips === null ? null : allowlistOf(row.allowed_ips) };
}
