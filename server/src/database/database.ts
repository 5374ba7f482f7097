import { Kysely, type Transaction as KyselyTransaction, type RawBuilder, sql } from 'kysely';
import { type EventLog, silentLog } from '../log.ts';
import { lockPatienceMs } from './connection-turns.ts';
import type { Schema } from './schema.ts';
import { openSqlite, SqliteDialect } from './sqlite-driver.ts';

/** One open transaction; every store method that takes one does its part of it. */
export type Transaction = KyselyTransaction<Schema>;

export interface Database {
  /** For single statements, and for reads. Throws when used inside a transaction: use its `trx` there. */
  readonly query: Kysely<Schema>;
  /** Runs `work` in one transaction: committed and synced when this resolves, rolled back when it throws. */
  transaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** The database's clock in milliseconds since 1970, as an SQL expression. */
  readonly now: RawBuilder<number>;
  /** Resolves once the database has answered a read. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** What open transactions have to say in the log. */
const linesOf = new WeakMap<Transaction, ((log: EventLog) => void)[]>();

/** Has `write` log something once `trx` has committed, and never when it is rolled back. */
export function logOnCommit(trx: Transaction, write: (log: EventLog) => void): void {
  linesOf.get(trx)?.push(write);
}

/**
 * Opens the SQLite file at `path`, creating it when absent. Migrations are separate: see migrate.ts.
 * All queries throw AppError `unavailable` (503) or `storage_full` (507) when the file cannot be read or written.
 * @param patienceMs how long a write waits while another process holds the write lock; reads go on meanwhile
 */
export function openDatabase(path: string, log: EventLog = silentLog, patienceMs = lockPatienceMs): Database {
  const dialect = new SqliteDialect(openSqlite(path), patienceMs);
  const query = new Kysely<Schema>({ dialect });
  const now = sql<number>`CAST(unixepoch('subsec') * 1000 AS INTEGER)`;
  return {
    query,
    async transaction(work) {
      const lines: ((log: EventLog) => void)[] = [];
      const result = await dialect.guardTransaction(() =>
        query.transaction().execute((trx) => {
          linesOf.set(trx, lines);
          return work(trx);
        }),
      );
      for (const write of lines) write(log);
      return result;
    },
    now,
    async probe() {
      await query.selectNoFrom(now.as('now')).execute();
    },
    close: () => query.destroy(),
  };
}
