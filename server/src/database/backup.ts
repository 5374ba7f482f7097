import { closeSync, existsSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DatabaseAddress } from './database-url.ts';
import { removeLeftovers, unfinishedPath } from './leftovers.ts';
import { copyFromPostgres } from './postgres-copy.ts';
import { type ContentCounts, copyDatabase, countContent, integrityFault, syncToDisk } from './whole-file.ts';

export interface Backup extends ContentCounts {
  /** Size of the file. */
  fileBytes: number;
}

/** The file cannot be made, or cannot be trusted; the message says why. */
export class BackupError extends Error {
  override name = 'BackupError';
}

/**
 * Writes a copy of a database, as it is at one moment, to `path`: one SQLite file whatever the engine, mode 0600, checked
 * before it gets its name. Works beside a running server. Throws BackupError when `path` exists or the copy is not sound.
 */
export async function backUpDatabase(database: DatabaseAddress, path: string): Promise<Backup> {
  const exists = new BackupError(`${path} exists and is not overwritten; choose another name.`);
  if (existsSync(path)) throw exists;
  removeLeftovers(path);
  const draft = unfinishedPath(path);
  closeSync(openSync(draft, 'wx', 0o600));
  try {
    if (database.engine === 'sqlite') await copyFromFile(database.path, draft);
    else await copyFromPostgres(database, draft);
    const counts = checkCopy(draft);
    syncToDisk(draft);
    // Unlike a rename, a link never replaces what somebody has put there meanwhile.
    linkSync(draft, path);
    syncToDisk(dirname(path));
    return { ...counts, fileBytes: statSync(path).size };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? exists : error;
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
  }
}

async function copyFromFile(databasePath: string, path: string): Promise<void> {
  const source = new DatabaseSync(databasePath, { timeout: 5000 });
  try {
    if (!(await copyDatabase(source, path))) throw new BackupError(`${databasePath} is locked by another program.`);
  } finally {
    source.close();
  }
}

function checkCopy(path: string): ContentCounts {
  const copy = new DatabaseSync(path);
  try {
    // The copy says of itself that it has a write-ahead log; as one file it needs none.
    copy.exec('PRAGMA journal_mode = DELETE');
    const fault = integrityFault(copy);
    if (fault !== null) throw new BackupError(`The database is damaged, so no backup was made: ${fault}.`);
    return countContent(copy);
  } finally {
    copy.close();
  }
}
