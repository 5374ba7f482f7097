import { existsSync } from 'node:fs';
import { sql } from '#kysely';
import { type Database, openDatabase, type Transaction } from './database.ts';
import { describeAddress, type PostgresAddress } from './database-url.ts';
import { assertMigrated, migrate, migrationStatus, movedMark, movingMark } from './migrate.ts';
import { type CopiedTable, CopyError, compareTables, copyTables, readTables } from './table-copy.ts';
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
 * file meanwhile.
 *
 * The file is marked as moving just before PostgreSQL commits, and as moved after that: wherever this is cut off, either
 * nothing has moved, or the file is not served and the next run finds out whether PostgreSQL holds everything. Throws
 * MoveError, CopyError, SchemaError or AppError; unless the message says otherwise the file is then what it was.
 */
export async function moveToPostgres(path: string, address: PostgresAddress): Promise<Moved> {
  if (!existsSync(path)) throw new MoveError(`There is no database at ${path}.`);
  const target = openDatabase(address);
  const source = openDatabase({ engine: 'sqlite', path }, { lockPatienceMs: 0 });
  const mark = `${movingMark}${describeAddress(address)}`;
  let isMarked = false;
  try {
    isMarked = await isMoving(source, mark);
    if (!isMarked) await assertMigrated(source);
    const fault = integrityFaultOf(path);
    if (fault !== null) throw new MoveError(`${path} is damaged (${fault}): restore a backup first.`);
    await target.inspect();
    await migrate(target);
    const wasCutOff = isMarked;
    if (!wasCutOff) await assertEmpty(target.query, address);
    // With it, taking the write lock also fails while another program has the file open, reading or idle; and it is kept
    // from one transaction to the next.
    await sql`PRAGMA locking_mode = EXCLUSIVE`.execute(source.query);
    const moved = await target.exclusively((to) =>
      whileUnserved(source, path, async (from) => {
        let copied: CopiedTable[];
        if (wasCutOff && !(await isEmpty(to))) copied = await compareAgain(from, to, { path, address });
        else {
          await assertEmpty(to, address);
          copied = await copyTables(from, to);
          await compareTables(copied, to);
        }
        const now = new Date().toISOString();
        await sql`INSERT INTO kysely_migration (name, timestamp) VALUES (${mark}, ${now}) ON CONFLICT DO NOTHING`.execute(
          from,
        );
        return { ...(await countsOf(from)), rows: rowsOf(copied) };
      }).then((moved) => {
        isMarked = true;
        return moved;
      }),
    );
    await source.transaction((from) =>
      sql`UPDATE kysely_migration SET name = ${movedMark} WHERE name = ${mark}`.execute(from),
    );
    return moved;
  } catch (error) {
    if (!isMarked || error instanceof MoveError) throw error;
    throw new MoveError(
      `The move was cut off at its last step (${(error as Error).message}): run inksong migrate-to with the same URL again, which ends it. ${path} is not served before.`,
      { cause: error },
    );
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

/** Tells whether a move to the place that `mark` names was cut off. Throws MoveError when it was to another one. */
async function isMoving(source: Database, mark: string): Promise<boolean> {
  const { unknown } = await migrationStatus(source);
  const found = unknown.find((name) => name.startsWith(movingMark));
  if (found === undefined || found === mark) return found === mark;
  throw new MoveError(
    `A move of this database to ${found.slice(movingMark.length)} was cut off at its last step, and may be complete there: run inksong migrate-to with that URL again. If that place is gone, restore a copy of the file first (cp, then inksong restore).`,
  );
}

/** Finds out whether a move that was cut off is complete. Throws MoveError when something else is there. */
async function compareAgain(
  from: Transaction,
  to: Transaction,
  { path, address }: { path: string; address: PostgresAddress },
): Promise<CopiedTable[]> {
  const read = await readTables(from);
  try {
    await compareTables(read, to);
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    throw new MoveError(
      `${describeAddress(address)} is not empty, and is not what ${path} holds. If Inksong has served it since the move was cut off, the move was complete: go on there, and never serve the file again. Otherwise empty that database and run this again.`,
      { cause: error },
    );
  }
  return read;
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
  const table = await firstFilled(query);
  if (table === null) return;
  throw new MoveError(
    `${describeAddress(address)} is not empty (table ${table} has rows): name a database without an Inksong in it.`,
  );
}

const isEmpty = async (query: Database['query']): Promise<boolean> => (await firstFilled(query)) === null;

/** Returns the first table that has rows, or null. */
async function firstFilled(query: Database['query']): Promise<string | null> {
  for (const table of tables) {
    const { rows } = await sql`SELECT 1 FROM ${sql.table(table)} LIMIT 1`.execute(query);
    if (rows.length > 0) return table;
  }
  return null;
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
