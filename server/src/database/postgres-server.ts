import { type Kysely, sql } from '#kysely';

const oldestVersion = 14;

/** The server cannot be used; the message says why, and what to do. */
class UnfitServerError extends Error {
  override name = 'UnfitServerError';
}

interface ServerFacts {
  version: string;
  /** What its operator should change, a sentence each. */
  concerns: string[];
}

/**
 * Returns what is to be known of the server before anything is stored there. Throws when its answers could be older than
 * what has been answered, or its text not what was sent.
 */
// biome-ignore lint/suspicious/noExplicitAny: whatever tables there are.
export async function inspectServer(query: Kysely<any>): Promise<ServerFacts> {
  const { rows } = await sql<Record<string, string>>`SELECT
    current_setting('server_version') AS version, current_setting('server_version_num') AS number,
    current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS pages, current_setting('synchronous_commit') AS commits,
    CAST(pg_is_in_recovery() AS text) AS standby`.execute(query);
  const { version = '', number, encoding, fsync, pages, commits, standby } = rows[0] ?? {};
  if (Number(number) < oldestVersion * 10_000) {
    throw new UnfitServerError(`This is PostgreSQL ${version}; Inksong needs ${oldestVersion} or newer.`);
  }
  if (encoding !== 'UTF8') {
    throw new UnfitServerError(
      `The database's encoding is ${encoding}; make one with ENCODING 'UTF8' TEMPLATE template0.`,
    );
  }
  if (standby !== 'false') {
    throw new UnfitServerError('This PostgreSQL is a standby; DATABASE_URL must lead to the primary.');
  }
  const concerns = [];
  if (fsync !== 'on') concerns.push('fsync is off there: a power cut can lose or damage everything.');
  if (pages !== 'on') concerns.push('full_page_writes is off there: a power cut can damage pages.');
  if (commits !== 'on' && commits !== 'remote_apply') {
    concerns.push(`synchronous_commit is ${commits} there; Inksong turns it on for its own transactions.`);
  }
  return { version, concerns };
}
