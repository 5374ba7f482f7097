import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';
import { type RawBuilder, sql } from '#kysely';
import { parseEmail } from '../auth/accounts/email.ts';
import type { Database, Transaction } from '../database/database.ts';
import { inSlices } from '../slices.ts';
import { daySeconds, delaySecondsAfter, failuresADay, longestDelaySeconds, rememberedNeighbourhoods } from './guess.ts';
import type { Guesser, GuessStore } from './guesses.ts';
import { DatabaseLimiter } from './limit-store.ts';

export function createGuessStore(database: Database, retentionDays: number): GuessStore {
  const { query, now } = database;
  /** Tries of an e-mail address from a neighbourhood; never refuses by itself. */
  const tries = new DatabaseLimiter(database, 'tries', { points: failuresADay, seconds: daySeconds });
  /** One try in as long as the last one costs. */
  const pace = new DatabaseLimiter(database, 'pace', { points: 1, seconds: longestDelaySeconds });
  /** Wrong passwords of an e-mail address, from wherever. */
  const failures = new DatabaseLimiter(database, 'failures', { points: failuresADay, seconds: daySeconds });

  const pairOf = ({ emailKey, neighbourhood }: Guesser): string => `${emailKey} ${neighbourhood}`;
  const forgotten = (): RawBuilder<number> => sql<number>`${now} - ${sql.lit(retentionDays * daySeconds * 1000)}`;

  const hasSignedInFrom = async (trx: Transaction, email: string, neighbourhood: string): Promise<boolean> => {
    const row = await trx
      .selectFrom('sign_in_addresses')
      .innerJoin('accounts', 'accounts.id', 'sign_in_addresses.account_id')
      .select('address_group')
      .where('accounts.email', '=', parseEmail(email) ?? '')
      .where('address_group', '=', neighbourhood)
      .where('last_at', '>', forgotten())
      .executeTakeFirst();
    return row !== undefined;
  };

  return {
    async reserve(guesser, email) {
      try {
        // A refusal rolls back what was counted before it. The first statement locks the pair's row until then.
        await database.transaction(async (trx) => {
          const { consumedPoints } = await tries.penalty(pairOf(guesser), 1, { trx });
          const customDuration = delaySecondsAfter(consumedPoints);
          if (customDuration > 0) await pace.consume(pairOf(guesser), 1, { trx, customDuration });
          const day = await failures.penalty(guesser.emailKey, 1, { trx });
          if (day.consumedPoints > failuresADay && !(await hasSignedInFrom(trx, email, guesser.neighbourhood)))
            throw day;
        });
        return 0;
      } catch (error) {
        if (error instanceof RateLimiterRes) return Math.max(error.msBeforeNext, 1);
        throw error;
      }
    },

    giveBack: (guesser) =>
      database.transaction(async (trx) => {
        await tries.reward(pairOf(guesser), 1, { trx });
        await pace.delete(pairOf(guesser), { trx });
        await failures.reward(guesser.emailKey, 1, { trx });
      }),

    async forgiveOne(trx, { emailKey }) {
      await failures.reward(emailKey, 1, { trx });
    },

    async welcome(trx, guesser, accountId) {
      await tries.delete(pairOf(guesser), { trx });
      await pace.delete(pairOf(guesser), { trx });
      await trx
        .insertInto('sign_in_addresses')
        .values({ account_id: accountId, address_group: guesser.neighbourhood, last_at: now })
        .onConflict((conflict) => conflict.columns(['account_id', 'address_group']).doUpdateSet({ last_at: now }))
        .execute();
      await trx
        .deleteFrom('sign_in_addresses')
        .where('account_id', '=', accountId)
        .where('address_group', 'in', (addresses) =>
          addresses
            .selectFrom('sign_in_addresses')
            .select('address_group')
            .where('account_id', '=', accountId)
            .orderBy('last_at', 'desc')
            .orderBy('address_group')
            .limit(rememberedNeighbourhoods)
            .offset(rememberedNeighbourhoods),
        )
        .execute();
    },

    async findAccountId(email) {
      const account = await query
        .selectFrom('accounts')
        .select('id')
        .where('email', '=', parseEmail(email) ?? '')
        .executeTakeFirst();
      return account?.id ?? null;
    },

    purge: (stop) =>
      inSlices(async (rows) => {
        const { numDeletedRows } = await query
          .deleteFrom('sign_in_addresses')
          .where(({ eb, refTuple, selectFrom }) =>
            eb(
              refTuple('account_id', 'address_group'),
              'in',
              selectFrom('sign_in_addresses')
                .select(['account_id', 'address_group'])
                .where('last_at', '<=', forgotten())
                .limit(rows)
                .$asTuple('account_id', 'address_group'),
            ),
          )
          .executeTakeFirst();
        return numDeletedRows;
      }, stop),
  };
}
