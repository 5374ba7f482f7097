import { sql } from '#kysely';
import type { Database } from '../database/database.ts';
import { inSlices } from '../slices.ts';
import type { UsageStore } from './usage.ts';
import type { UsageCount } from './usage-day.ts';

export function createUsageStore(database: Database): UsageStore {
  const { query } = database;
  return {
    add: (counts) =>
      database.lockingTransaction(async (trx) => {
        for (const { accountId, day, scheme, outcome, count } of [...counts].sort(byCell)) {
          await trx
            .insertInto('usage_days')
            .columns(['account_id', 'day', 'scheme', 'outcome', 'count'])
            // From the account's own row: one that is gone must not keep the others' counts from being written.
            .expression((eb) =>
              eb
                .selectFrom('accounts')
                .select([
                  'id',
                  sql<string>`CAST(${day} AS TEXT)`.as('day'),
                  sql<string>`CAST(${scheme} AS TEXT)`.as('scheme'),
                  sql<string>`CAST(${outcome} AS TEXT)`.as('outcome'),
                  sql<number>`CAST(${count} AS BIGINT)`.as('count'),
                ])
                .where('id', '=', accountId),
            )
            .onConflict((conflict) =>
              conflict
                .columns(['account_id', 'day', 'scheme', 'outcome'])
                .doUpdateSet({ count: sql<number>`usage_days.count + excluded.count` }),
            )
            .execute();
        }
      }),

    async list(accountId, firstDay) {
      const rows = await query
        .selectFrom('usage_days')
        .select(['day', 'scheme', 'outcome', 'count'])
        .where('account_id', '=', accountId)
        .where('day', '>=', firstDay)
        .execute();
      return rows as Omit<UsageCount, 'accountId'>[];
    },

    purge: (firstKeptDay, stop) =>
      inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('usage_days')
          .where(({ eb, refTuple, selectFrom }) =>
            eb(
              refTuple('account_id', 'day'),
              'in',
              selectFrom('usage_days')
                .select(['account_id', 'day'])
                .where('day', '<', firstKeptDay)
                .orderBy('day')
                .limit(rows)
                .$asTuple('account_id', 'day'),
            ),
          )
          .executeTakeFirst();
        return numDeletedRows;
      }, stop),
  };
}

/** Always the same order, so that two nodes never wait for each other's rows. */
function byCell(one: UsageCount, other: UsageCount): number {
  const [a, b] = [one, other].map(({ accountId, day, scheme, outcome }) => [accountId, day, scheme, outcome].join(' '));
  return (a ?? '') < (b ?? '') ? -1 : 1;
}
