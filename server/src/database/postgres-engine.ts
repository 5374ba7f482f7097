import { Kysely, sql } from '#kysely';
import { createBatchedReads } from './batched-reads.ts';
import type { PostgresAddress } from './database-url.ts';
import type { Engine } from './engine.ts';
import { isAnswering } from './postgres-client.ts';
import { isolationOf, waitForDisk } from './postgres-connection.ts';
import { PostgresDialect } from './postgres-dialect.ts';
import { PostgresDoubt } from './postgres-doubt.ts';
import { isConflict } from './postgres-errors.ts';
import { PostgresPool } from './postgres-pool.ts';
import { inspectServer } from './postgres-server.ts';
import type { Schema } from './schema.ts';
import { tables } from './table-list.ts';
import { TransactionGuard } from './transaction-guard.ts';

/** Most credentials read by one statement; a flood beyond it takes several. */
const longestBatch = 200;

/** Any number will do, as long as all versions of Inksong use the same. */
const migrationLock = 730_831_811_329;

/** With the list of migrations, so that none is applied meanwhile. */
const everyTable = sql.join([...tables, 'kysely_migration'].map((name) => sql.table(name)));

/** @param connections most connections this process makes, at least 2 */
export function openPostgresEngine(address: PostgresAddress, connections: number): Engine {
  const guard = new TransactionGuard();
  const doubt = new PostgresDoubt((stop) => isAnswering(address, stop));
  const pools: PostgresPool[] = [];
  const onSilence = (): void => {
    for (const pool of pools) pool.distrustIdle();
    doubt.begin();
  };
  const open = (size: number) => {
    const pool = new PostgresPool(address, size, doubt);
    pools.push(pool);
    return new Kysely<Schema>({ dialect: new PostgresDialect(pool, guard, onSilence) });
  };
  // A few of the connections read credentials and nothing else, so that no upload or report keeps a key waiting.
  const reserved = Math.max(1, Math.floor(connections / 5));
  const credentials = open(reserved);
  const query = open(connections - reserved);
  return {
    name: 'postgres',
    query,
    single: query,
    transact: (kind, work) => guard.run(() => query.transaction().setIsolationLevel(isolationOf[kind]).execute(work)),
    transactMigration: (work) =>
      guard.run(() =>
        query
          .transaction()
          .setIsolationLevel(isolationOf.migration)
          .execute(async (trx) => {
            // Of the transaction, not of the session, which behind PgBouncer is shared with others.
            await sql`SELECT pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(trx);
            return work(trx);
          }),
      ),
    snapshot: (work) =>
      guard.run(() =>
        query
          .transaction()
          .setIsolationLevel(isolationOf.moment)
          .execute(async (trx) => {
            // Before the first query: rows that a migration rewrites afterwards would be missing from an older snapshot.
            await sql`LOCK TABLE ${everyTable} IN ACCESS SHARE MODE`.execute(trx);
            return work(trx);
          }),
      ),
    exclusively: (work) =>
      guard.run(() =>
        query
          .transaction()
          .setIsolationLevel(isolationOf.exclusive)
          .execute(async (trx) => {
            // Before the first query, so that it sees what the last of the others has written.
            await sql`LOCK TABLE ${everyTable} IN EXCLUSIVE MODE`.execute(trx);
            await sql.raw(waitForDisk).execute(trx);
            return work(trx);
          }),
      ),
    isConflict,
    // Not now(), which stands still within a transaction, nor clock_timestamp(), which no index can be searched for.
    now: sql<number>`CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS bigint)`,
    // A standby has no such position and says so with an error: what it knows may be older than an answered revocation.
    onPrimary: sql<boolean>`(SELECT pg_current_wal_lsn()) IS NOT NULL`,
    randomHash: sql<string>`replace(CAST(gen_random_uuid() AS text) || CAST(gen_random_uuid() AS text), '-', '')`,
    contains: (text, part) => sql<boolean>`strpos(${text}, ${part}) > 0`,
    credentialReads: (read, keyOf) =>
      createBatchedReads({
        withConnection: (send) => credentials.connection().execute(send),
        read,
        keyOf,
        longestBatch,
      }),
    async inspect() {
      const { version, concerns } = await inspectServer(query);
      return { version: `PostgreSQL ${version}`, concerns };
    },
    async close() {
      doubt.close();
      await Promise.all([query.destroy(), credentials.destroy()]);
    },
  };
}
