import { sql } from '#kysely';
import { openDatabase } from './database.ts';
import type { PostgresAddress } from './database-url.ts';
import { assertMigrated, migrate } from './migrate.ts';
import { type CopiedTable, compareTables, copyTables, emptyTables } from './table-copy.ts';

/**
 * Writes all that a PostgreSQL database holds at one moment into an empty SQLite file, and reads it back to compare. The
 * caller syncs the file. See docs/decisions/0020-postgresql-backup.md. Throws CopyError, SchemaError or AppError.
 */
export async function copyFromPostgres(address: PostgresAddress, path: string): Promise<void> {
  const source = openDatabase(address);
  const copy = openDatabase({ engine: 'sqlite', path });
  try {
    await source.inspect();
    await migrate(copy);
    await sql`PRAGMA synchronous = OFF`.execute(copy.query);
    const copied = await source.snapshot(async (trx) => {
      // A standby may lack what has been answered.
      await trx.selectNoFrom(source.now.as('now')).where(source.onPrimary).execute();
      await assertMigrated({ query: trx });
      return copyTables(trx, copy.query);
    });
    await compareTables(copied, copy.query);
  } finally {
    await Promise.all([source.close(), copy.close()]);
  }
}

/**
 * Replaces all that a PostgreSQL database holds by what a SQLite file of this program's schema holds, in one transaction,
 * compared before it commits. Others read the old content until then, and cannot write. Makes the tables when there are none.
 * Throws CopyError, SchemaError or AppError.
 */
export async function replaceOnPostgres(path: string, address: PostgresAddress): Promise<void> {
  const source = openDatabase({ engine: 'sqlite', path });
  const live = openDatabase(address);
  try {
    await live.inspect();
    await migrate(live);
    await live.exclusively(async (trx): Promise<CopiedTable[]> => {
      await assertMigrated({ query: trx });
      await emptyTables(trx);
      const copied = await copyTables(source.query, trx);
      await compareTables(copied, trx);
      return copied;
    });
  } finally {
    await Promise.all([source.close(), live.close()]);
  }
}
