import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { CompiledQuery, DatabaseConnection, QueryResult } from '#kysely';
import type { ConnectionTurns } from './connection-turns.ts';
import { translateSqliteError } from './sqlite-errors.ts';
import { statementRun } from './statement-run.ts';

/** Prepared statements kept; the program has about a hundred different ones. */
const statementCacheSize = 256;

/** Gives the values of a row the names of their columns. */
type ToRow = (values: unknown[]) => Record<string, unknown>;

interface Prepared {
  statement: StatementSync;
  /** Of the columns as they were when it was prepared; migrations only add. Null of a statement that returns no rows. */
  toRow: ToRow | null;
}

/** The one connection, for whoever's turn it is. */
export class SqliteConnection implements DatabaseConnection {
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

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const run = (): QueryResult<R> => this.run(query);
    try {
      // A transaction has the lock already.
      return this.#file.isTransaction ? run() : await this.#turns.whenUnlocked(run);
    } catch (error) {
      throw translateSqliteError(error);
    }
  }

  /** Runs a statement at once. Throws what `node:sqlite` throws. */
  run<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    const { statement, toRow } = this.#prepare(sql);
    const binds = parameters.map(toBind);
    if (toRow) {
      const rows = timed(sql, () => statement.all(...binds)) as unknown as unknown[][];
      return { rows: rows.map(toRow) as R[] };
    }
    const { changes } = timed(sql, () => statement.run(...binds));
    return { rows: [], numAffectedRows: BigInt(changes) };
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
      const columns = statement.columns().map(({ name }) => name);
      prepared = { statement, toRow: columns.length > 0 ? rowMaker(columns) : null };
      if (this.#statements.size >= statementCacheSize) {
        const oldest = this.#statements.keys().next().value;
        if (oldest !== undefined) this.#statements.delete(oldest);
      }
      this.#statements.set(sql, prepared);
    }
    return prepared;
  }
}

/**
 * Returns the function for rows of these columns. It is written out, because V8 makes an object fastest
 * where all its names stand in the source; `node:sqlite` would make objects without a prototype, from which all that is
 * done with them afterwards is slow.
 */
function rowMaker(columns: readonly string[]): ToRow {
  const members = columns.map((name, index) => `${JSON.stringify(name)}: values[${index}]`);
  return new Function('values', `return { ${members.join(', ')} };`) as ToRow;
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
