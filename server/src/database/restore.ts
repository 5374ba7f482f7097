import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from '#kysely';
import { BackupError } from './backup.ts';
import { openDatabase } from './database.ts';
import type { DatabaseAddress } from './database-url.ts';
import { type EndedCredentials, endCredentials } from './ended-credentials.ts';
import { removeLeftovers, unfinishedPath } from './leftovers.ts';
import { migrate, migrationStatus, movedMark, movingMark } from './migrate.ts';
import { replaceOnPostgres } from './postgres-copy.ts';
import { openSqlite } from './sqlite-file.ts';
import { type ContentCounts, copyDatabase, countContent, integrityFault } from './whole-file.ts';

/** A busy server's transactions take milliseconds; whoever holds the lock this long is not going to let go. */
const lockPatienceMs = 15_000;

export interface Restored extends ContentCounts, EndedCredentials {
  /** Migrations that the backup lacked. */
  migrated: string[];
}

/** What a backup is restored into. */
interface Installation {
  database: DatabaseAddress;
  /** Where the copy is prepared when the database is elsewhere. */
  dataDirectory: string;
}

/** Returns what a backup holds. Throws BackupError when it is no sound Inksong database that this version knows. */
export async function inspectBackup(path: string): Promise<ContentCounts> {
  const file = openBackup(path);
  try {
    return countContent(file);
  } finally {
    file.close();
  }
}

/**
 * Replaces the content of a database by a backup's, in which every session, refresh token, invitation, mailed link, unsent
 * mail and kept answer has ended, and with `killKeys` every key. A running server goes on with the new content; a process
 * killed at any moment leaves the old content or the new one. See docs/decisions/0003-restore.md and 0020-postgresql-backup.md.
 * Throws BackupError when the file is not good or the lock cannot be had.
 */
export async function restoreDatabase(
  backupPath: string,
  { database, dataDirectory }: Installation,
  options: { killKeys: boolean },
): Promise<Restored> {
  const place = database.engine === 'sqlite' ? database.path : join(dataDirectory, 'restore');
  mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
  if (database.engine === 'sqlite' && isSameFile(backupPath, database.path)) {
    throw new BackupError(`${backupPath} is the live database itself.`);
  }
  removeLeftovers(place);
  const draft = unfinishedPath(place);
  closeSync(openSync(draft, 'wx', 0o600));
  try {
    const backup = openBackup(backupPath);
    try {
      await copyDatabase(backup, draft);
    } finally {
      backup.close();
    }
    const ended = await prepare(draft, options);
    const prepared = new DatabaseSync(draft);
    try {
      const fault = integrityFault(prepared);
      if (fault !== null) throw new BackupError(`The backup does not migrate soundly: ${fault}.`);
      if (database.engine === 'sqlite') await putInPlace(prepared, database.path);
      else await replaceOnPostgres(draft, database);
      return { ...countContent(prepared), ...ended };
    } finally {
      prepared.close();
    }
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
  }
}

/** Opens a backup for reading. Throws BackupError unless it is SQLite and sound in every page and reference. */
function openBackup(path: string): DatabaseSync {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new BackupError(`There is no file ${path}.`);
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path, { readOnly: true });
    const fault = integrityFault(file);
    if (fault !== null) throw new BackupError(`${path} is damaged: ${fault}.`);
    const known = file.prepare("SELECT 1 FROM sqlite_schema WHERE name IN ('accounts', 'kysely_migration')").all();
    if (known.length < 2) throw new BackupError(`${path} is not a backup of Inksong.`);
    return file;
  } catch (error) {
    file?.close();
    const { code, errcode } = error as { code?: string; errcode?: number };
    if (code !== 'ERR_SQLITE_ERROR') throw error;
    const what = errcode === 26 ? 'not a SQLite database' : `not readable (${(error as Error).message})`;
    throw new BackupError(`${path} is ${what}.`);
  }
}

/** Migrates the copy and ends in it what must not come back to life. */
async function prepare(
  path: string,
  options: { killKeys: boolean },
): Promise<EndedCredentials & Pick<Restored, 'migrated'>> {
  const database = openDatabase({ engine: 'sqlite', path });
  try {
    // Restoring a copy of a file that has moved, or whose move was cut off, is the way back.
    const mark = sql`name = ${movedMark} OR substr(name, 1, ${sql.lit(movingMark.length)}) = ${movingMark}`;
    await sql`DELETE FROM kysely_migration WHERE ${mark}`.execute(database.query);
    const { unknown } = await migrationStatus(database);
    if (unknown.length > 0) {
      throw new BackupError(
        `The backup is of a newer Inksong (it has ${unknown.join(', ')}): restore it with that version.`,
      );
    }
    const migrated = await migrate(database);
    const ended = await database.transaction((trx) => endCredentials(trx, database, options));
    return { ...ended, migrated };
  } finally {
    await database.close();
  }
}

/** Commits the prepared content into the live file through its own write-ahead log, as one transaction. */
async function putInPlace(prepared: DatabaseSync, databasePath: string): Promise<void> {
  const live = openLive(databasePath);
  try {
    if (shapeOf(live) !== shapeOf(prepared)) {
      throw new BackupError('The backup has another page size or text encoding, so it was not made by inksong backup.');
    }
    const deadline = performance.now() + lockPatienceMs;
    while (!(await copyDatabase(prepared, databasePath))) {
      if (performance.now() > deadline) throw new BackupError(`${databasePath} stays locked; stop what is using it.`);
      await delay(20);
    }
    // The log now holds the whole database; a reader may keep it for a while, and the server checkpoints later anyway.
    live.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    live.close();
  }
}

function openLive(path: string): DatabaseSync {
  try {
    return openSqlite(path);
  } catch (error) {
    const { errcode } = error as { errcode?: number };
    if (errcode !== 26 && errcode !== 11) throw error;
    throw new BackupError(
      `${path} is too damaged to be replaced in place: stop Inksong, move it away with its -wal and -shm, and restore again.`,
    );
  }
}

/** A live file can only take pages of its own size, and its connections have settled on an encoding. */
function shapeOf(file: DatabaseSync): string {
  const read = (name: string): unknown => Object.values(file.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  return `${read('page_size')} ${read('encoding')}`;
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
