import type { Kysely, Transaction as KyselyTransaction, RawBuilder } from '#kysely';
import type { Schema } from './schema.ts';

/** One open transaction; every store method that takes one does its part of it. */
export type Transaction = KyselyTransaction<Schema>;

/** Runs compiled statements: everything that Kysely hands out does. */
export type Runner = Pick<Kysely<Schema>, 'executeQuery'>;

/** Reads the rows of some different keys in one statement; a key without a row is absent. */
export type ReadRows<Row> = (runner: Runner, keys: readonly string[]) => Promise<Row[]>;

export interface EngineFacts {
  /** Such as `PostgreSQL 17.2`. */
  version: string;
  concerns: string[];
}

export type TransactionKind = 'serializable' | 'locking';

/** What differs between SQLite and PostgreSQL, beside their drivers. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres';
  readonly query: Kysely<Schema>;
  /** Runs a compiled statement on its own, as `query` does, by the shortest way there is. */
  readonly single: Runner;
  /** Runs `work` in one transaction, once. See `Database` for the two kinds. */
  transact<T>(kind: TransactionKind, work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** As `transact`, for migrations: one process after the other, each seeing what the one before has done, as long as it takes. */
  transactMigration<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** As `transact`, for reading everything as it is at one moment, as long as it takes. */
  snapshot<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** As `transact`, while nobody else writes, as long as it takes; others go on reading what was there before. */
  exclusively<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** Tells whether a transaction was undone only because of another one, so that it is to be done anew. */
  isConflict(error: unknown): boolean;
  readonly now: RawBuilder<number>;
  readonly onPrimary: RawBuilder<boolean>;
  readonly randomHash: RawBuilder<string>;
  contains(text: RawBuilder<string>, part: string): RawBuilder<boolean>;
  credentialReads<Row>(read: ReadRows<Row>, keyOf: (row: Row) => string): (key: string) => Promise<Row | null>;
  /** Returns the engine and its version, and what its operator should change. Throws when it cannot be used. */
  inspect(): Promise<EngineFacts>;
  close(): Promise<void>;
}
