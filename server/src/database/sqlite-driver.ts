import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { AppError } from '../app-error.ts';
import { ConnectionTurns } from './connection-turns.ts';
import { statementRun } from './statement-run.ts';
import type { TransactionGuard } from './transaction-guard.ts';

/** SQLite releases from 3.7.0 to 3.51.2 may corrupt a database when a WAL reset races with a checkpoint. */
const oldestSafeSqlite = [3, 51, 3] as const;

/** Prepared statements kept; the program has about a hundred different ones. */
const statementCacheSize = 256;

/**
 * Pages kept in memory, KiB. What a thousand callers among a million accounts are looked up by fits; by SQLite's own two
 * megabytes each of their requests takes a fifth more. Small databases never fill it.
 */
const pageCacheKib = 16_000;

/**
 * Opens (and creates) a SQLite file so that a commit that was answered survives a power cut.
 * Throws when the SQLite inside this Node is older than 3.51.3 or a durability setting does not take.
 */
export function openSqlite(path: string): DatabaseSync {
  const file = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true });
  const pragma = (name: string): unknown => Object.values(file.prepare(`PRAGMA ${name}`).get() ?? {})[0];

  const version = String(file.prepare('SELECT sqlite_version() AS v').get()?.v);
  if (isOlder(version, oldestSafeSqlite)) {
    throw new Error(`SQLite ${version} can corrupt its write-ahead log; 3.51.3 or newer is needed.`);
  }
  file.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000');
  file.exec(`PRAGMA cache_size = -${pageCacheKib}`);
  // NORMAL (1) would let a power cut roll an answered rotation back; FULL is 2.
  if (pragma('journal_mode') !== 'wal' || pragma('synchronous') !== 2 || pragma('foreign_keys') !== 1) {
    throw new Error(`The file system of ${path} does not let SQLite use its write-ahead log durably.`);
  }
  return file;
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}

/** Kysely over one `node:sqlite` connection. Every transaction is BEGIN IMMEDIATE, so it never fails half-way for a lock. */
export class SqliteDialect implements Dialect {
  readonly #driver: SqliteDriver;
  /** @param lockPatienceMs how long a statement waits for another process's write lock */
  constructor(file: DatabaseSync, guard: TransactionGuard, lockPatienceMs: number) {
    this.#driver = new SqliteDriver(file, guard, new ConnectionTurns(lockPatienceMs));
  }
  /** Runs a statement that is no part of a transaction. Kysely's own way there makes a dozen promises. */
  executeQuery = <R>(query: CompiledQuery<R>): Promise<QueryResult<R>> => this.#driver.executeQuery(query);
  /** Closes the file. Kysely would only do so if it had been asked for the connection itself. */
  close = (): void => this.#driver.close();
  createDriver = (): SqliteDriver => this.#driver;
  createQueryCompiler = (): SqliteQueryCompiler => new SqliteQueryCompiler();
  createAdapter = (): SqliteAdapter => new SerializedSqliteAdapter();
  createIntrospector: Dialect['createIntrospector'] = (db) => new SqliteIntrospector(db);
}

class SerializedSqliteAdapter extends SqliteAdapter {
  /** True here means: this driver does its own queueing, see `SqliteDriver#acquireConnection`. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
  /** SQLite's DDL is transactional, so a migration that is killed leaves nothing behind. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #file: DatabaseSync;
  readonly #turns: ConnectionTurns;
  readonly #connection: SqliteConnection;
  readonly #guard: TransactionGuard;

  constructor(file: DatabaseSync, guard: TransactionGuard, turns: ConnectionTurns) {
    // Waiting is done by the turns.
    file.exec('PRAGMA busy_timeout = 0');
    this.#file = file;
    this.#guard = guard;
    this.#turns = turns;
    this.#connection = new SqliteConnection(file, turns);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#guard.noteAcquired();
    await this.#turns.take();
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#turns.giveBack();
  }

  async executeQuery<R>(query: CompiledQuery<R>): Promise<QueryResult<R>> {
    this.#guard.noteAcquired();
    await this.#turns.take();
    try {
      return await this.#connection.executeQuery(query);
    } finally {
      this.#turns.giveBack();
    }
  }

  async beginTransaction(): Promise<void> {
    await this.#connection.begin();
  }
  async commitTransaction(): Promise<void> {
    this.#connection.exec('COMMIT');
  }
  async rollbackTransaction(): Promise<void> {
    // A failed COMMIT or a full disk may have rolled back by itself.
    if (this.#file.isTransaction) this.#connection.exec('ROLLBACK');
  }

  /** What Kysely calls when it is done; the file may be in use beside it. */
  async destroy(): Promise<void> {}

  close(): void {
    this.#connection.forgetStatements();
    if (this.#file.isOpen) this.#file.close();
  }
}

interface Prepared {
  statement: StatementSync;
  /** As they were when it was prepared; migrations only add. None of a statement that returns no rows. */
  columns: readonly string[];
}

class SqliteConnection implements DatabaseConnection {
  readonly #file: DatabaseSync;
  readonly #turns: ConnectionTurns;
  readonly #statements = new Map<string, Prepared>();

  constructor(file: DatabaseSync, turns: ConnectionTurns) {
    this.#file = file;
    this.#turns = turns;
  }

  async begin(): Promise<void> {
    const sql = 'BEGIN IMMEDIATE';
    try {
      await this.#turns.whenUnlocked(() => timed(sql, () => this.#file.exec(sql)));
    } catch (error) {
      throw translateSqliteError(error);
    }
  }

  exec(sql: string): void {
    try {
      timed(sql, () => this.#file.exec(sql));
    } catch (error) {
      throw translateSqliteError(error);
    }
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const run = (): QueryResult<R> => {
      const { statement, columns } = this.#prepare(sql);
      const binds = parameters.map(toBind);
      if (columns.length > 0) {
        const rows = timed(sql, () => statement.all(...binds)) as unknown as unknown[][];
        return { rows: rows.map((values) => rowOf(columns, values)) as R[] };
      }
      const { changes } = timed(sql, () => statement.run(...binds));
      return { rows: [], numAffectedRows: BigInt(changes) };
    };
    try {
      // A transaction has the lock already.
      return this.#file.isTransaction ? run() : await this.#turns.whenUnlocked(run);
    } catch (error) {
      throw translateSqliteError(error);
    }
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }

  forgetStatements(): void {
    this.#statements.clear();
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#statements.get(sql);
    if (!prepared) {
      const statement = this.#file.prepare(sql);
      statement.setReturnArrays(true);
      prepared = { statement, columns: statement.columns().map(({ name }) => name) };
      if (this.#statements.size >= statementCacheSize) {
        const oldest = this.#statements.keys().next().value;
        if (oldest !== undefined) this.#statements.delete(oldest);
      }
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }
}

/** `node:sqlite` would make objects without a prototype, from which all that is done with them afterwards is slow. */
function rowOf(columns: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index++) row[columns[index] as string] = values[index];
  return row;
}

function timed<T>(sql: string, run: () => T): T {
  if (!statementRun.isHeard()) return run();
  const startedMs = performance.now();
  try {
    return run();
  } finally {
    statementRun.tell({ sql, seconds: (performance.now() - startedMs) / 1000 });
  }
}

/** `node:sqlite` takes a first object for a bag of named parameters and binds NULL in silence: refuse what it may misread. */
function toBind(value: unknown): null | number | bigint | string | Uint8Array {
  if (value === null || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string') {
    return value;
  }
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`A ${typeof value} cannot be bound to a query.`);
}

const sqliteFull = 13;
/** BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOTADB: the state cannot be read or written now. */
const sqliteOutages = new Set([5, 6, 7, 8, 10, 11, 14, 15, 26]);

function translateSqliteError(error: unknown): unknown {
  const { code, errcode } = error as { code?: string; errcode?: number };
  if (code === 'ERR_INVALID_STATE') return new AppError('unavailable', { cause: error, retryAfterSeconds: 1 });
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return error;
  const primary = errcode & 0xff;
  if (primary === sqliteFull) return new AppError('storage_full', { cause: error });
  if (sqliteOutages.has(primary)) return new AppError('unavailable', { cause: error, retryAfterSeconds: 1 });
  return error;
}
