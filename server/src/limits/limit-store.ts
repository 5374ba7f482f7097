import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';
import RateLimiterStoreAbstract from 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js';
import { type SqlBool, sql } from '#kysely';
import type { Database, Transaction } from '../database/database.ts';
import { inSlices } from '../slices.ts';
import type { Rate } from './limit.ts';
import type { LimitStore } from './limits.ts';

interface Counter {
  points: number;
  msBeforeNext: number;
}

interface UpsertOptions {
  trx?: Transaction;
}

/**
 * How much further ahead than its own length an end may lie. A statement that waited for a row's lock carries an earlier
 * time than the one it waited for; anything beyond is left from before the clock was set back, and counts as over.
 */
const clockSlackMs = 60_000;
/** The longest window there is, milliseconds. */
const longestMs = 86_400_000;

/**
 * Counters of rate-limiter-flexible in the table `limit_counters`: one atomic statement for each count, so that they are
 * exact under parallel requests and shared by every process on the database. `{ trx }` among a call's options makes the
 * count part of that transaction. Throws AppError `unavailable` when the database cannot be reached: nobody is let past
 * a limit that cannot be read.
 */
export class DatabaseLimiter extends RateLimiterStoreAbstract {
  readonly #database: Database;

  constructor(database: Database, name: string, { points, seconds }: Rate) {
    super({ storeClient: database, keyPrefix: name, points, duration: seconds });
    this.#database = database;
  }

  async _upsert(
    key: string,
    points: number,
    durationMs: number,
    replace: boolean,
    { trx }: UpsertOptions,
  ): Promise<Counter> {
    const { query, now } = this.#database;
    if (points < 0) return this.#giveBack(key, -points, trx ?? query);
    const live = replace
      ? sql<boolean>`1 = 0`
      : sql<boolean>`limit_counters.expires_at > excluded.expires_at - ${durationMs}
          AND limit_counters.expires_at <= excluded.expires_at + ${sql.lit(clockSlackMs)}`;
    return (trx ?? query)
      .insertInto('limit_counters')
      .values({ key, points, expires_at: sql<number>`${now} + ${durationMs}` })
      .onConflict((conflict) =>
        conflict.column('key').doUpdateSet({
          points: sql<number>`CASE WHEN ${live} THEN limit_counters.points + excluded.points ELSE excluded.points END`,
          expires_at: sql<number>`CASE WHEN ${live} THEN limit_counters.expires_at ELSE excluded.expires_at END`,
        }),
      )
      .returning(['points', sql<number>`expires_at - ${now}`.as('msBeforeNext')])
      .executeTakeFirstOrThrow();
  }

  /** What was counted in a window that is over by now is not owed to the next one. */
  async #giveBack(key: string, points: number, query: Database['query']): Promise<Counter> {
    const { now } = this.#database;
    const left = await query
      .updateTable('limit_counters')
      .set({ points: sql<number>`points - ${points}` })
      .where('key', '=', key)
      .where('expires_at', '>', now)
      .returning(['points', sql<number>`expires_at - ${now}`.as('msBeforeNext')])
      .executeTakeFirst();
    await query.deleteFrom('limit_counters').where('key', '=', key).where('points', '<=', 0).execute();
    return left ?? { points: 0, msBeforeNext: 0 };
  }

  async _get(key: string): Promise<Counter | null> {
    const { query, now } = this.#database;
    const counter = await query
      .selectFrom('limit_counters')
      .select(['points', sql<number>`expires_at - ${now}`.as('msBeforeNext')])
      .where('key', '=', key)
      .where('expires_at', '>', now)
      .executeTakeFirst();
    return counter ?? null;
  }

  async _delete(key: string, { trx }: UpsertOptions): Promise<boolean> {
    const { numDeletedRows } = await (trx ?? this.#database.query)
      .deleteFrom('limit_counters')
      .where('key', '=', key)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  _getRateLimiterRes(_key: string, changedPoints: number, { points, msBeforeNext }: Counter): RateLimiterRes {
    return new RateLimiterRes(
      Math.max(this.points - points, 0),
      Math.max(msBeforeNext, 0),
      points,
      points === changedPoints,
    );
  }
}

export function createLimitStore(database: Database): LimitStore {
  return {
    counter: (name, rate) => new DatabaseLimiter(database, name, rate),
    purge: (stop) => purgeCounters(database, stop),
  };
}

async function purgeCounters({ query, now }: Database, stop: AbortSignal | undefined): Promise<void> {
  // One after the other, since a search for either would read the whole index.
  const over = [
    sql<SqlBool>`expires_at <= ${now}`,
    sql<SqlBool>`expires_at > ${now} + ${sql.lit(longestMs + clockSlackMs)}`,
  ];
  for (const isOver of over) {
    await inSlices(async (rows) => {
      const { numDeletedRows } = await query
        .deleteFrom('limit_counters')
        .where('key', 'in', (counters) => counters.selectFrom('limit_counters').select('key').where(isOver).limit(rows))
        .executeTakeFirst();
      return numDeletedRows;
    }, stop);
  }
}
