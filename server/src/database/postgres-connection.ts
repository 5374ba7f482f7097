import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { CompiledQuery, DatabaseConnection, IsolationLevel, QueryResult } from '#kysely';
import { isConflict, isConnectionLost, translatePostgresError, unavailable } from './postgres-errors.ts';
import { statementRun } from './statement-run.ts';

/** Longest a statement may take, milliseconds; then its connection is given up, and its outcome is unknown. */
const statementPatienceMs = 3_000;
/** Inside a transaction the server itself cancels the statement, a little earlier, and the connection stays good. */
const serverPatienceMs = statementPatienceMs - 250;
/** A node that stands still keeps the rows its transaction has locked for no longer than this. */
const idleInTransactionMs = 5_000;
/** A single statement that met another one is undone by itself, so it can be run again at once. */
const statementAttempts = 5;

/** Who does not let go of a table for this long is not going to. */
const tableLockPatienceMs = 15_000;
/** Longest a single read of a snapshot may take. */
const snapshotPatienceMs = 60_000;
/** A backup or a restore that is held up for this long between two statements is ended, since others wait for it. */
const idleInLongTransactionMs = 60_000;

/** What Kysely calls each kind of transaction, and its way to this file: a name each, not always PostgreSQL's. */
export const isolationOf = {
  serializable: 'serializable',
  locking: 'read committed',
  migration: 'read uncommitted',
  moment: 'repeatable read',
  exclusive: 'snapshot',
} as const satisfies Record<string, IsolationLevel>;

/**
 * What comes with BEGIN in one round trip. SERIALIZABLE: what a transaction has read is still so when it commits, or it is
 * undone and begun anew; on SQLite the write lock says the same. All settings are for this transaction only, since behind
 * PgBouncer the next one has another session. An operator's `remote_apply` is stronger than `on` and stays.
 */
const settings = `SET LOCAL statement_timeout = ${serverPatienceMs}; SET LOCAL lock_timeout = ${serverPatienceMs}; SET LOCAL idle_in_transaction_session_timeout = ${idleInTransactionMs}`;
const migrationSettings =
  'SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0';
const longSettings = `SET LOCAL lock_timeout = ${tableLockPatienceMs}; SET LOCAL idle_in_transaction_session_timeout = ${idleInLongTransactionMs}`;
export const waitForDisk = `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`;

/** How each kind begins, and how long it waits for an answer: without end where one statement may take minutes. */
const kinds: Record<IsolationLevel, { begin: string; patienceMs: number }> = {
  [isolationOf.serializable]: {
    begin: `BEGIN ISOLATION LEVEL SERIALIZABLE; ${settings}; ${waitForDisk}`,
    patienceMs: statementPatienceMs,
  },
  [isolationOf.locking]: {
    begin: `BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}; ${waitForDisk}`,
    patienceMs: statementPatienceMs,
  },
  [isolationOf.migration]: {
    begin: `BEGIN ISOLATION LEVEL READ COMMITTED; ${migrationSettings}; ${waitForDisk}`,
    patienceMs: Number.POSITIVE_INFINITY,
  },
  // What these two see is settled by their first query, which must come after their locks: so there is none here.
  [isolationOf.moment]: {
    begin: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${snapshotPatienceMs}; ${longSettings}`,
    patienceMs: snapshotPatienceMs + tableLockPatienceMs,
  },
  [isolationOf.exclusive]: {
    begin: `BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = 0; ${longSettings}`,
    patienceMs: Number.POSITIVE_INFINITY,
  },
};

/** One connection while somebody has it. */
export class PostgresConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  readonly #onSilence: () => void;
  #isLost = false;
  #transaction: IsolationLevel | null = null;

  /** @param onSilence is told when PostgreSQL did not answer in time */
  constructor(client: pg.PoolClient, onSilence: () => void) {
    this.#client = client;
    this.#onSilence = onSilence;
  }

  async begin(level: IsolationLevel = isolationOf.serializable): Promise<void> {
    await this.#run({ text: kinds[level].begin });
    this.#transaction = level;
  }

  /** Throws AppError `unavailable` when it cannot be known whether it has committed. */
  async commit(): Promise<void> {
    const { command } = await this.#run({ text: 'COMMIT' });
    // PostgreSQL answers the COMMIT of a transaction in which a statement failed with a ROLLBACK, and no error.
    if (command !== 'COMMIT')
      throw new Error('The transaction was rolled back: a failed statement in it went unnoticed.');
    this.#transaction = null;
  }

  async rollback(): Promise<void> {
    this.#transaction = null;
    if (!this.#isLost) await this.#run({ text: 'ROLLBACK' });
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = { text: sql, values: parameters.map(toBind) };
    for (let attempt = 1; ; attempt++) {
      try {
        const { command, rowCount, rows } = await this.#run(statement);
        const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE';
        return { rows: rows as R[], ...(changes && { numAffectedRows: BigInt(rowCount ?? 0) }) };
      } catch (error) {
        // Inside a transaction it is the whole of it that has to be done anew.
        if (!isConflict(error) || this.#transaction !== null) throw error;
        if (attempt === statementAttempts) throw unavailable(error);
        await delay(Math.random() * 2 ** attempt);
      }
    }
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query);
  }

  /** Gives the connection back; one that is lost, or whose state is not known, is closed. */
  release(): void {
    this.#client.release(this.#isLost || this.#transaction !== null);
  }

  /** Only statements without a name: PgBouncer may give the next one another session, which would not know it. */
  async #run(statement: { text: string; values?: unknown[] }): Promise<pg.QueryResult> {
    const startedMs = performance.now();
    try {
      const result = await this.#answered(this.#client.query(statement));
      // Several statements in one text have a result each.
      return Array.isArray(result) ? result[0] : result;
    } catch (error) {
      if (isConnectionLost(error)) this.#isLost = true;
      throw translatePostgresError(error);
    } finally {
      if (statementRun.isHeard()) {
        statementRun.tell({ sql: statement.text, seconds: (performance.now() - startedMs) / 1000 });
      }
    }
  }

  async #answered(answer: Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    const patienceMs = this.#transaction === null ? statementPatienceMs : kinds[this.#transaction].patienceMs;
    if (patienceMs === Number.POSITIVE_INFINITY) return answer;
    let timer: NodeJS.Timeout | undefined;
    let grace: NodeJS.Immediate | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const giveUp = (): void => {
        this.#onSilence();
        reject(new Error(`PostgreSQL did not answer within ${patienceMs} ms.`));
      };
      // After a long turn of this process's own, what has arrived meanwhile is read first.
      timer = setTimeout(() => {
        grace = setImmediate(giveUp);
      }, patienceMs);
    });
    try {
      return await Promise.race([answer, silence]);
    } finally {
      clearTimeout(timer);
      clearImmediate(grace);
      // When it was given up, closing the connection ends it with an error that nobody waits for any more.
      answer.catch(() => {});
    }
  }
}

/** The same kinds of values as on SQLite; whatever else pg would make something of is refused. */
function toBind(value: unknown): null | string | Uint8Array {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value;
  // Kysely asks the catalogue with booleans; on SQLite there are none.
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  throw new TypeError(`A ${typeof value} cannot be bound to a query.`);
}
