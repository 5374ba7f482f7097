import { existsSync } from 'node:fs';
import { sql } from 'kysely';
import { type Database, openDatabase, type Transaction } from './database.ts';
import { describeAddress, type PostgresAddress } from './database-url.ts';
import { assertMigrated, migrate, movedMark } from './migrate.ts';
import { type CopiedTable, compareTables, copyTables } from './table-copy.ts';
import { tables } from './table-list.ts';
import { type ContentCounts, integrityFaultOf } from './whole-file.ts';

export interface Moved extends ContentCounts {
  /** Rows of each table. */
  rows: Record<string, number>;
}

/** The database cannot be moved; nothing has been. The message says why, and what to do. */
class MoveError extends Error {
  override name = 'MoveError';
}

/**
 * Copies a SQLite database that nobody serves into an empty PostgreSQL, in one transaction, compared before it commits;
 * then marks the file so that no version serves it any more. Sessions and links stay as they are. Nobody can open the
 * file meanwhile. Throws MoveError, CopyError, SchemaError or AppError; then the file is what it was.
 */
export async function moveToPostgres(path: string, address: PostgresAddress): Promise<Moved> {
  if (!existsSync(path)) throw new MoveError(`There is no database at ${path}.`);
  const target = openDatabase(address);
  const source = openDatabase({ engine: 'sqlite', path }, { lockPatienceMs: 0 });
  try {
    await assertMigrated(source);
    const fault = integrityFaultOf(path);
    if (fault !== null) throw new MoveError(`${path} is damaged (${fault}): restore a backup first.`);
    await target.inspect();
    await migrate(target);
    await assertEmpty(target.query, address);
    // With it, taking the write lock also fails while another program has the file open, reading or idle.
    await sql`PRAGMA locking_mode = EXCLUSIVE`.execute(source.query);
    return await whileUnserved(source, path, async (from) => {
      const copied = await target.exclusively(async (to) => {
        await assertEmpty(to, address);
        const copied = await copyTables(from, to);
        await compareTables(copied, to);
        return copied;
      });
      const mark = sql`INSERT INTO kysely_migration (name, timestamp) VALUES (${movedMark}, ${new Date().toISOString()})`;
      await mark.execute(from);
      return { ...(await countsOf(from)), rows: rowsOf(copied) };
    });
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

async function whileUnserved<T>(source: Database, path: string, work: (from: Transaction) => Promise<T>): Promise<T> {
  let begun = false;
  try {
    return await source.transaction((from) => {
      begun = true;
      return work(from);
    });
  } catch (error) {
    if (begun) throw error;
    throw new MoveError(
      `${path} is in use: stop Inksong and whatever else has the file open, so that nothing is written there while it moves.`,
    );
  }
}

async function assertEmpty(query: Database['query'], address: PostgresAddress): Promise<void> {
  for (const table of tables) {
    const { rows } = await sql`SELECT 1 FROM ${sql.table(table)} LIMIT 1`.execute(query);
    if (rows.length === 0) continue;
    throw new MoveError(
      `${describeAddress(address)} is not empty (table ${table} has rows): name a database without an Inksong in it.`,
    );
  }
}

async function countsOf(query: Database['query']): Promise<ContentCounts> {
  const { rows } = await sql<ContentCounts>`SELECT (SELECT count(*) FROM accounts) AS accounts,
    count(*) AS documents, coalesce(sum(size), 0) AS "documentBytes" FROM documents`.execute(query);
  const { accounts = 0, documents = 0, documentBytes = 0 } = rows[0] ?? {};
  return { accounts, documents, documentBytes };
}

function rowsOf(copied: readonly CopiedTable[]): Record<string, number> {
  return Object.fromEntries(copied.map(({ table, rows }) => [table, rows]));
}
