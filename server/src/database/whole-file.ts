import { closeSync, fsyncSync, openSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';

/** All pages in one step: a copy in slices starts anew whenever another process writes in between. */
const everyPage = 0x7fff_ffff;

/**
 * Copies a whole database into another file, which keeps its journal mode. For readers of that file the new content
 * appears in one commit; a process killed on the way leaves the old one.
 * Resolves to false when another connection holds the write lock of the target at this moment.
 */
export async function copyDatabase(source: DatabaseSync, targetPath: string): Promise<boolean> {
  try {
    await backup(source, targetPath, { rate: everyPage });
    return true;
  } catch (error) {
    const { code, errcode } = error as { code?: string; errcode?: number };
    // Node reports a busy target as SQLITE_OK, "not an error".
    if (code === 'ERR_SQLITE_ERROR' && [0, 5, 6].includes((errcode ?? -1) & 0xff)) return false;
    throw error;
  }
}

/** Returns what is wrong inside a database file, or null: every page is read, every reference followed. */
export function integrityFault(file: DatabaseSync): string | null {
  const [first] = file.prepare('PRAGMA integrity_check(1)').all();
  const verdict = String(first?.integrity_check);
  if (verdict !== 'ok') return verdict;
  const [orphan] = file.prepare('PRAGMA foreign_key_check').all();
  return orphan ? `a row of ${orphan.table} refers to none of ${orphan.parent}` : null;
}

/** As `integrityFault`, of the database at `path`, which may be in use. */
export function integrityFaultOf(path: string): string | null {
  const file = new DatabaseSync(path, { timeout: 5000 });
  try {
    return integrityFault(file);
  } finally {
    file.close();
  }
}

export interface ContentCounts {
  accounts: number;
  documents: number;
  /** Bytes of all documents together. */
  documentBytes: number;
}

export function countContent(file: DatabaseSync): ContentCounts {
  const row = file
    .prepare(
      `SELECT (SELECT count(*) FROM accounts) AS accounts, count(*) AS documents, coalesce(sum(size), 0) AS bytes
       FROM documents`,
    )
    .get();
  return { accounts: Number(row?.accounts), documents: Number(row?.documents), documentBytes: Number(row?.bytes) };
}

/** Waits until a file's content, or a folder's list of names, has reached the disk. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
