import type { DatabaseSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type LimitNode,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from '#kysely';
import { ConnectionTurns } from './connection-turns.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { translateSqliteError } from './sqlite-errors.ts';
import type { TransactionGuard } from './transaction-guard.ts';

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
  createQueryCompiler = (): SqliteQueryCompiler => new StablePlanCompiler();
  createAdapter = (): SqliteAdapter => new SerializedSqliteAdapter();
  createIntrospector: Dialect['createIntrospector'] = (db) => new SqliteIntrospector(db);
}

/**
 * Writes `limit ? + 0`. SQLite looks at the number that is bound to a bare `limit ?` when it plans a statement, and so
 * plans the prepared statement anew each time one is bound.
 */
class StablePlanCompiler extends SqliteQueryCompiler {
  protected override visitLimit(node: LimitNode): void {
    super.visitLimit(node);
    this.append(' + 0');
  }
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
    try {
      return await this.#turns.inOwnTurn(() => this.#connection.run<R>(query));
    } catch (error) {
      throw translateSqliteError(error);
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
