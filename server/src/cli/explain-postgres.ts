import { describeAddress, type PostgresAddress } from '../database/database-url.ts';

/**
 * Returns what an error of PostgreSQL, or of the way to it, means and what to do; null when it is none. A password is
 * never in it.
 */
export function explainPostgres(error: { code?: string; message: string }, address: PostgresAddress): string | null {
  const place = describeAddress(address);
  const { user, database, host } = address;
  const { code = '', message } = error;
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(code)) {
    return `The server at ${place} does not prove that it is ${host} (${code}): check sslrootcert and the name in its certificate.`;
  }
  if (/does not support SSL/.test(message)) {
    return `PostgreSQL at ${place} speaks no TLS: turn ssl on there, since DATABASE_URL asks for verify-full.`;
  }
  if (/^E[A-Z]+$/.test(code) && code !== 'EADDRINUSE') {
    return isOfConnection(error) ? `PostgreSQL does not answer at ${place} (${code}).` : null;
  }
  if (/timeout|did not answer|terminated/i.test(message) && code === '') {
    return `PostgreSQL does not answer at ${place} (${message}).`;
  }
  switch (code) {
    case '28P01':
    case '28000':
      return `PostgreSQL does not let ${user} in: check user and password in DATABASE_URL, and pg_hba.conf there.`;
    case '3D000':
      return `There is no database ${database} yet; as a PostgreSQL administrator: CREATE DATABASE "${database}" OWNER "${user}" ENCODING 'UTF8' TEMPLATE template0.`;
    case '42501':
      return `PostgreSQL does not allow ${user} this (${message}); the user must own the database, or have CREATE on its schema.`;
    case '25006':
    case '55000':
      return `${place} is a standby, or may not be written; DATABASE_URL must lead to the primary.`;
    case '53100':
      return `The disk of ${place} is full.`;
    case '53300':
      return `${place} has no connection left for Inksong; raise max_connections there, or lower INKSONG_DATABASE_CONNECTIONS.`;
    default:
      return /^[0-9A-Z]{5}$/.test(code) ? `PostgreSQL at ${place} refused (${message}, ${code}).` : null;
  }
}

/** Files and our own listener fail with the same codes. */
function isOfConnection(error: object): boolean {
  const { syscall } = error as { syscall?: string };
  return syscall === 'connect' || syscall === 'getaddrinfo' || syscall === 'read' || syscall === 'write';
}
