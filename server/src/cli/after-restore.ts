import { existsSync } from 'node:fs';
import { describeAddress } from '../database/database-url.ts';
import type { EndedCredentials } from '../database/ended-credentials.ts';
import { CliError } from './cli-error.ts';
import { confirm } from './confirm.ts';
import { withConfig } from './with-services.ts';

export interface AfterRestoreOptions {
  killKeys?: boolean;
  yes?: boolean;
}

/**
 * Ends, in a database that other tools have restored, what `inksong restore` ends. Migrates it, since no server may have
 * been started on it before. Asks first.
 */
export function endAfterRestore(options: AfterRestoreOptions): Promise<EndedCredentials> {
  const { killKeys = false } = options;
  return withConfig(async ({ database: address }) => {
    const place = describeAddress(address);
    if (address.engine === 'sqlite' && !existsSync(address.path))
      throw new CliError(`There is no database at ${place}.`);
    const keys = killKeys ? ', and every API key is void' : '';
    await confirm(`Everybody with an account in ${place} will be signed out, open links end${keys}.`, options);
    const { openDatabase } = await import('../database/database.ts');
    const { endCredentials } = await import('../database/ended-credentials.ts');
    const { migrate } = await import('../database/migrate.ts');
    const database = openDatabase(address);
    try {
      await database.inspect();
      await migrate(database);
      return await database.exclusively((trx) => endCredentials(trx, database, { killKeys }));
    } finally {
      await database.close();
    }
  });
}
