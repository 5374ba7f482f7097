import { existsSync } from 'node:fs';
import type { Services } from '../app.ts';
import type { Account } from '../auth/accounts/accounts.ts';
import { type Config, readConfig, readEnvironment } from '../config/config.ts';
import { CliError } from './cli-error.ts';
import { explain } from './explain.ts';

/**
 * Returns the settings, from the environment and the `.env` file of the current folder. Throws ConfigError.
 * @param said settings that the command line has said, which win
 */
export function currentConfig(said: NodeJS.ProcessEnv = {}): Config {
  return readConfig({ ...readEnvironment(process.env, process.cwd()), ...said });
}

/** Runs a command's work under the settings; whatever fails in it is explained with them. */
export async function withConfig<T>(work: (config: Config) => Promise<T>, said: NodeJS.ProcessEnv = {}): Promise<T> {
  const config = currentConfig(said);
  try {
    return await work(config);
  } catch (error) {
    throw new CliError(explain(error, config), { cause: error });
  }
}

/**
 * Runs work on the services of an existing database that has this program's schema. A server may be running on it:
 * what the work commits is what the server's next request reads.
 */
export function withServices<T>(work: (services: Services, config: Config) => Promise<T>): Promise<T> {
  return withConfig(async (config) => {
    const { database } = config;
    if (database.engine === 'sqlite' && !existsSync(database.path)) {
      throw new CliError(`There is no database at ${database.path} yet; start the server, or run inksong migrate.`);
    }
    const { createServices } = await import('../app.ts');
    const { assertMigrated } = await import('../database/migrate.ts');
    const { createCommandLog } = await import('../log.ts');
    const services = createServices(config, createCommandLog(config.logLevel));
    try {
      await assertMigrated(services.database);
      return await work(services, config);
    } finally {
      await services.database.close();
    }
  });
}

/** Returns the account that an argument names. Throws CliError when there is none. */
export async function namedAccount({ accounts }: Services, emailOrId: string): Promise<Account> {
  const account = await accounts.find(emailOrId);
  if (account) return account;
  throw new CliError(`There is no account ${emailOrId}; inksong accounts list shows them all.`);
}
