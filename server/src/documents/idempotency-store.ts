import { randomUUID } from 'node:crypto';
import { type RawBuilder, sql } from '#kysely';
import { AppError } from '../app-error.ts';
import type { Database } from '../database/database.ts';
import { inSlices } from '../slices.ts';
import type { DocumentView } from './document.ts';
import type { HeldKey, IdempotencyStore } from './documents.ts';

/** A process that died leaves its key in progress for at most this long. */
const leaseMs = 60_000;
const renewalMs = 20_000;
const keptMs = 24 * 3_600_000;
/** What a client is told to wait while the first request with its key runs. */
const retryAfterSeconds = 2;

export function createIdempotencyStore(database: Database): IdempotencyStore {
  const { query, now } = database;
  const inMs = (ms: number): RawBuilder<number> => sql<number>`${now} + ${sql.lit(ms)}`;

  function hold(accountId: string, key: string, holder: string): HeldKey {
    const renewal = setInterval(() => {
      query
        .updateTable('idempotency_keys')
        .set({ lease_until: inMs(leaseMs) })
        .where('account_id', '=', accountId)
        .where('key', '=', key)
        .where('holder', '=', holder)
        .execute()
        // There are two more chances before the lease ends; and whoever has lost it cannot complete.
        .catch(() => {});
    }, renewalMs).unref();

    return {
      async complete(trx, { fingerprint, document }) {
        clearInterval(renewal);
        const { numUpdatedRows } = await trx
          .updateTable('idempotency_keys')
          .set({ fingerprint, document_id: document.id, response: JSON.stringify(document) })
          .where('account_id', '=', accountId)
          .where('key', '=', key)
          .where('holder', '=', holder)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) throw inProgress();
      },

      async release() {
        clearInterval(renewal);
        await query
          .deleteFrom('idempotency_keys')
          .where('account_id', '=', accountId)
          .where('key', '=', key)
          .where('holder', '=', holder)
          .where('response', 'is', null)
          .execute()
          // The refusal that led here matters more, and the lease ends by itself.
          .catch(() => {});
      },
    };
  }

  return {
    async claim(accountId, key) {
      const holder = randomUUID();
      const fresh = {
        holder,
        lease_until: inMs(leaseMs),
        fingerprint: null,
        document_id: null,
        response: null,
        created_at: now,
      };
      // One statement inserts the row or takes over one whose holder is gone, so of any number of requests one holds it.
      const claimed = await query
        .insertInto('idempotency_keys')
        .values({ account_id: accountId, key, ...fresh })
        .onConflict((conflict) =>
          conflict
            .columns(['account_id', 'key'])
            .doUpdateSet(fresh)
            .where((eb) =>
              eb.or([
                eb.and([eb('idempotency_keys.response', 'is', null), eb('idempotency_keys.lease_until', '<=', now)]),
                eb('idempotency_keys.created_at', '<=', inMs(-keptMs)),
              ]),
            ),
        )
        .returning('holder')
        .executeTakeFirst();
      if (claimed) return { held: hold(accountId, key, holder) };

      const known = await query
        .selectFrom('idempotency_keys')
        .select(['fingerprint', 'response'])
        .where('account_id', '=', accountId)
        .where('key', '=', key)
        .executeTakeFirst();
      if (!known || known.fingerprint === null || known.response === null) throw inProgress();
      return { done: { fingerprint: known.fingerprint, document: JSON.parse(known.response) as DocumentView } };
    },

    purge: (stop) =>
      inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('idempotency_keys')
          .where(({ eb, refTuple, selectFrom }) =>
            eb(
              refTuple('account_id', 'key'),
              'in',
              selectFrom('idempotency_keys')
                .select(['account_id', 'key'])
                .where('created_at', '<=', inMs(-keptMs))
                .limit(rows)
                .$asTuple('account_id', 'key'),
            ),
          )
          .executeTakeFirst();
        return numDeletedRows;
      }, stop),
  };
}

function inProgress(): AppError {
  return new AppError('idempotency_in_progress', {
    detail: 'A request with this Idempotency-Key is still running; ask again shortly.',
    retryAfterSeconds,
  });
}
