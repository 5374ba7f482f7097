import {
  ColumnDefinitionNode,
  type DatabaseConnection,
  type DatabaseMetadataOptions,
  type DataTypeNode,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type TableMetadata,
  type TransactionSettings,
} from '#kysely';
import { PostgresConnection } from './postgres-connection.ts';
import type { PostgresPool } from './postgres-pool.ts';
import type { TransactionGuard } from './transaction-guard.ts';

/** Kysely over a pool. */
export class PostgresDialect implements Dialect {
  readonly #driver: PostgresDriver;
  /** @param onSilence is told when the server did not answer a statement in time */
  constructor(pool: PostgresPool, guard: TransactionGuard, onSilence: () => void) {
    this.#driver = new PostgresDriver(pool, guard, onSilence);
  }
  createDriver = (): Driver => this.#driver;
  createQueryCompiler = (): PostgresQueryCompiler => new SharedSchemaCompiler();
  createAdapter = (): PostgresAdapter => new LocklessAdapter();
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own type.
  createIntrospector = (db: Kysely<any>): PostgresIntrospector => new OneSchemaIntrospector(db);
}

class PostgresDriver implements Driver {
  readonly #pool: PostgresPool;
  readonly #guard: TransactionGuard;
  readonly #onSilence: () => void;

  constructor(pool: PostgresPool, guard: TransactionGuard, onSilence: () => void) {
    this.#pool = pool;
    this.#guard = guard;
    this.#onSilence = onSilence;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#guard.noteAcquired();
    return new PostgresConnection(await this.#pool.take(), this.#onSilence);
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as PostgresConnection).release();
  }

  async beginTransaction(connection: DatabaseConnection, { isolationLevel }: TransactionSettings): Promise<void> {
    await (connection as PostgresConnection).begin(isolationLevel);
  }
  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as PostgresConnection).commit();
  }
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as PostgresConnection).rollback();
  }

  destroy(): Promise<void> {
    return this.#pool.close();
  }
}

/** Gives the types that the migrations name their meaning here. */
class SharedSchemaCompiler extends PostgresQueryCompiler {
  protected override visitDataType(node: DataTypeNode): void {
    const isColumn = this.parentNode !== undefined && ColumnDefinitionNode.is(this.parentNode);
    if (isColumn && node.dataType === 'blob') this.append('bytea');
    // Text is ordered and compared by its bytes, as SQLite does it, whatever the database's locale; and an index stays
    // right when the operating system's idea of a locale changes.
    else if (isColumn && node.dataType === 'text') this.append('text collate "C"');
    else super.visitDataType(node);
  }
}

/** Kysely's lock belongs to a session, which behind PgBouncer is another one by the next statement: see `transactMigration`. */
class LocklessAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

/** Other schemas of the database are other programs'. */
class OneSchemaIntrospector extends PostgresIntrospector {
  readonly #db: Kysely<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own type.
  constructor(db: Kysely<any>) {
    super(db);
    this.#db = db;
  }
  override async getTables(options?: DatabaseMetadataOptions): Promise<TableMetadata[]> {
    const tables = await super.getTables(options);
    const { rows } = await sql<{ name: string | null }>`SELECT current_schema() AS name`.execute(this.#db);
    return tables.filter(({ schema }) => schema === rows[0]?.name);
  }
}
