import { DatabaseSync } from 'node:sqlite';

/** SQLite releases from 3.7.0 to 3.51.2 may corrupt a database when a WAL reset races with a checkpoint. */
const oldestSafeSqlite = [3, 51, 3] as const;

/**
 * Pages kept in memory, KiB. What a thousand callers among a million accounts are looked up by fits; by SQLite's own two
 * megabytes each of their requests takes a fifth more, and by 16 several percent. Small databases never fill it.
 */
const pageCacheKib = 32 * 1024;

/**
 * Opens (and creates) a SQLite file so that a commit that was answered survives a power cut.
 * Throws when the SQLite inside this Node is older than 3.51.3 or a durability setting does not take.
 */
export function openSqlite(path: string): DatabaseSync {
  const file = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true });
  const pragma = (name: string): unknown => Object.values(file.prepare(`PRAGMA ${name}`).get() ?? {})[0];

  const version = String(file.prepare('SELECT sqlite_version() AS v').get()?.v);
  if (isOlder(version, oldestSafeSqlite)) {
    throw new Error(`SQLite ${version} can corrupt its write-ahead log; 3.51.3 or newer is needed.`);
  }
  file.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000');
  file.exec(`PRAGMA cache_size = -${pageCacheKib}`);
  // NORMAL (1) would let a power cut roll an answered rotation back; FULL is 2.
  if (pragma('journal_mode') !== 'wal' || pragma('synchronous') !== 2 || pragma('foreign_keys') !== 1) {
    throw new Error(`The file system of ${path} does not let SQLite use its write-ahead log durably.`);
  }
  return file;
}

function isOlder(version: string, than: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of than.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part < wanted;
  }
  return false;
}
