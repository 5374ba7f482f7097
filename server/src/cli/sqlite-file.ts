import type { Config } from '../config.ts';
import { CliError } from './cli-error.ts';

/** Returns the file that backup and restore work on. Throws CliError on PostgreSQL, which has tools of its own for it. */
export function sqliteFileOf({ database }: Config): string {
  if (database.engine === 'sqlite') return database.path;
  throw new CliError(
    'This version backs up and restores SQLite files only; on PostgreSQL use pg_dump and pg_restore (docs/postgresql.md says how).',
  );
}
