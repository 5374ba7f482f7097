import { administer } from './test-database.ts';

/** Resolves to true once another connection to a database is at a statement, or has just ended it; to false when it is over before. */
export async function seenAt(url: string, pattern: string, isOver: () => boolean): Promise<boolean> {
  const name = new URL(url).pathname.slice(1);
  while (!isOver()) {
    const { rows } = await administer(
      url,
      `SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid() AND query LIKE '${pattern}'`,
    );
    if (rows.length > 0) return true;
  }
  return false;
}
