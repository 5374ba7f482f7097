import { AppError } from '../app-error.ts';

const sqliteFull = 13;
/** BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOTADB: the state cannot be read or written now. */
const sqliteOutages = new Set([5, 6, 7, 8, 10, 11, 14, 15, 26]);

/** Returns what an error of a statement means; as it is when it is a mistake of ours. */
export function translateSqliteError(error: unknown): unknown {
  const { code, errcode } = error as { code?: string; errcode?: number };
  if (code === 'ERR_INVALID_STATE') return new AppError('unavailable', { cause: error, retryAfterSeconds: 1 });
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return error;
  const primary = errcode & 0xff;
  if (primary === sqliteFull) return new AppError('storage_full', { cause: error });
  if (sqliteOutages.has(primary)) return new AppError('unavailable', { cause: error, retryAfterSeconds: 1 });
  return error;
}
