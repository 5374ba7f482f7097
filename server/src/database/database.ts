import { setTimeout as delay } from 'node:timers/promises';
import type { Kysely, RawBuilder } from '#kysely';
import { AppError } from '../app-error.ts';
import { type EventLog, silentLog } from '../log.ts';
import { lockPatienceMs } from './connection-turns.ts';
import type { DatabaseAddress } from './database-url.ts';
import type { Engine, EngineFacts, ReadRows, Runner, Transaction, TransactionKind } from './engine.ts';
import { openPostgresEngine } from './postgres-engine.ts';
import type { Schema } from './schema.ts';
import { openSqliteEngine } from './sqlite-engine.ts';

export type { Transaction } from './engine.ts';

export interface Database {
  readonly engine: Engine['name'];
  /** For single statements, and for reads. Throws when used inside a transaction: use its `trx` there. */
  readonly query: Kysely<Schema>;
  /** For prepared queries outside of transactions: does what `query` does, by the shortest way there is. */
  readonly single: Runner;
  /**
   * Runs `work` in one transaction: committed and synced when this resolves, rolled back when it throws. What it has read
   * is still so when it commits. For that, PostgreSQL may undo it and have it run anew: it must do nothing outside `trx`
   * that may not happen twice. Throws AppError `unavailable` when others are in the way for too long.
   */
  transaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /**
   * As `transaction`, for rows that many want at once: there the second waits for the first instead of being undone. Only
   * for work whose every decision stands in the WHERE of a write, or on a row that it has written before; whatever else it
   * reads may have changed when it commits.
   */
  lockingTransaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** One transaction for all that migrate.ts does. */
  migration<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Runs `work` once on everything as it is at one moment, with all that was answered before. It only reads, and on
   * PostgreSQL nobody waits for it but a migration.
   */
  snapshot<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /**
   * As `transaction`, as long as it takes, while nobody else writes: others read what was there before until it commits.
   * Throws AppError `unavailable` when somebody does not let go of a table.
   */
  exclusively<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** The database's clock in milliseconds since 1970, as an SQL expression; it stands still during a statement. */
  readonly now: RawBuilder<number>;
  /** True, as an SQL condition; on a server that may lag behind it fails, so that what is read is never an older state. */
  readonly onPrimary: RawBuilder<boolean>;
  /** 64 random hexadecimal characters, another in each row, as an SQL expression. */
  readonly randomHash: RawBuilder<string>;
  /** Tells, in SQL, whether a text contains another, character by character. */
  contains(text: RawBuilder<string>, part: string): RawBuilder<boolean>;
  /**
   * Returns a function that reads the row of one key, or null, fresh on every call. Where the database is elsewhere,
   * calls that wait for a connection at the same time are one round trip, and nothing else takes their connections.
   */
  credentialReads<Row>(read: ReadRows<Row>, keyOf: (row: Row) => string): (key: string) => Promise<Row | null>;
  /** Returns what the database's clock says, in milliseconds since 1970, once it has answered a read. */
  probe(): Promise<number>;
  /** Returns what runs there, and what its operator should change. Throws, saying why, when it cannot be used. */
  inspect(): Promise<EngineFacts>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  log?: EventLog;
  /** SQLite: how long a write waits while another process holds the write lock; reads go on meanwhile. */
  lockPatienceMs?: number;
  /** PostgreSQL: most connections, at least 2. */
  connections?: number;
}

/** A transaction that is undone this often meets more than bad luck. */
const transactionAttempts = 20;
/** Whoever has tried for this long is told to come back, milliseconds. */
const conflictPatienceMs = 3_000;
const longestPauseMs = 100;
/** To be undone here means to have met a deadlock over the tables, a second each. */
const exclusivePatienceMs = 30_000;

/** What open transactions have to say in the log. */
const linesOf = new WeakMap<Transaction, ((log: EventLog) => void)[]>();

/** Has `write` log something once `trx` has committed, and never when it is rolled back. */
export function logOnCommit(trx: Transaction, write: (log: EventLog) => void): void {
  linesOf.get(trx)?.push(write);
}

/**
 * Opens the database at an address: a SQLite file is made when absent, and PostgreSQL is first connected to when it is
 * asked something. Migrations are separate: see migrate.ts. All queries throw AppError `unavailable` (503) or
 * `storage_full` (507) when the database cannot be read or written.
 */
export function openDatabase(address: DatabaseAddress, options: DatabaseOptions = {}): Database {
  const { log = silentLog } = options;
  const engine =
    address.engine === 'sqlite'
      ? openSqliteEngine(address.path, options.lockPatienceMs ?? lockPatienceMs)
      : openPostgresEngine(address, options.connections ?? 2);
  const { query, now, onPrimary } = engine;

  async function transact<T>(kind: TransactionKind, work: (trx: Transaction) => Promise<T>): Promise<T> {
    const { result, lines } = await untilUndisturbed(engine, () => {
      const lines: ((log: EventLog) => void)[] = [];
      return engine.transact(kind, async (trx) => {
        linesOf.set(trx, lines);
        return { result: await work(trx), lines };
      });
    });
    for (const write of lines) write(log);
    return result;
  }

  return {
    engine: engine.name,
    query,
    single: engine.single,
    transaction: (work) => transact('serializable', work),
    lockingTransaction: (work) => transact('locking', work),
    migration: (work) => engine.transactMigration(work),
    snapshot: (work) => engine.snapshot(work),
    exclusively: (work) => untilUndisturbed(engine, () => engine.exclusively(work), exclusivePatienceMs),
    now,
    onPrimary,
    randomHash: engine.randomHash,
    contains: engine.contains,
    credentialReads: engine.credentialReads,
    async probe() {
      const { now: databaseMs } = await query.selectNoFrom(now.as('now')).where(onPrimary).executeTakeFirstOrThrow();
      return databaseMs;
    },
    inspect: engine.inspect,
    close: engine.close,
  };
}

/** Runs a transaction again while it is undone because of others, with growing pauses of random length. */
async function untilUndisturbed<T>(engine: Engine, run: () => Promise<T>, patienceMs = conflictPatienceMs): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!engine.isConflict(error)) throw error;
      if (attempt === transactionAttempts || performance.now() > deadlineMs) {
        throw new AppError('unavailable', { cause: error, retryAfterSeconds: 1 });
      }
      await delay(Math.random() * Math.min(2 ** attempt, longestPauseMs));
    }
  }
}
