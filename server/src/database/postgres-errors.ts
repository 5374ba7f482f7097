import pg from 'pg';
import { AppError } from '../app-error.ts';

/** serialization_failure, deadlock_detected: PostgreSQL undid the work and asks for it to be done anew. */
const conflicts = new Set(['40001', '40P01']);

const diskFull = '53100';

/** The server, or this connection to it, cannot read or write the state now; https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const outages = [
  /^08/, // connection exceptions, and what PgBouncer says of its own
  /^57P0/, // shutting down, crashed, starting up
  /^53/, // out of memory, of connections
  /^58/, // its operating system failed it
  /^XX/, // damaged pages, internal errors
  /^28/, // does not let us in any more
  /^3D000$/, // the database is gone
  /^25006$/, // a standby, or a primary that was demoted
  /^55000$/, // recovery is in progress
  /^25P0[34]$/, // idle in a transaction too long, or in it too long
  /^40003$/, // statement completion unknown
  /^55P03$/, // waited too long for a lock
  /^57014$/, // took too long
];

/** After these the next statement needs another connection, perhaps to another server. */
const endsConnection = /^(08|57P0|25006$|55000$|25P0[34]$|53300$|28|3D000$)/;

/** Tells whether doing the same anew may succeed: PostgreSQL has undone it all. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && conflicts.has(error.code ?? '');
}

/** Tells whether a connection is of no more use. */
export function isConnectionLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || endsConnection.test(error.code ?? '');
}

/** Returns what an error of a statement or a connection means; as it is when it is a mistake of ours, or a conflict. */
export function translatePostgresError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (!(error instanceof pg.DatabaseError)) return unavailable(error);
  const code = error.code ?? '';
  if (code === diskFull) return new AppError('storage_full', { cause: error });
  return outages.some((pattern) => pattern.test(code)) ? unavailable(error) : error;
}

export function unavailable(cause: unknown): AppError {
  return new AppError('unavailable', { cause, retryAfterSeconds: 1 });
}
