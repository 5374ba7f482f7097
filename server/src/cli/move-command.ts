import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { describeAddress, type PostgresAddress, parseDatabaseUrl } from '../database/database-url.ts';
import { contentText, contentView } from './backup-commands.ts';
import { CliError } from './cli-error.ts';
import { explain } from './explain.ts';
import { answer, jsonOption } from './output.ts';
import { withConfig } from './with-services.ts';

export function addMoveCommand(inksong: Command): void {
  inksong
    .command('migrate-to')
    .description('move the embedded (SQLite) installation to an empty PostgreSQL; stop the server first')
    .argument('[url]', 'such as postgres://inksong:password@db.example.com/inksong?sslmode=verify-full')
    .option('--url-file <file>', 'a file that holds the URL, so that no list of processes shows its password')
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Run it with the settings the installation has now: DATABASE_URL is where it moves from. Every row is copied in one
transaction and compared before that counts. Accounts, keys, documents, sessions and links go on working. The file stays
as it is, marked so that it is not served by mistake.

Example:
  inksong migrate-to --url-file /etc/inksong/database-url`,
    )
    .action((url: string | undefined, options: { urlFile?: string; json?: boolean }) =>
      withConfig(async (config) => {
        const urlFile = options.urlFile === undefined ? undefined : resolve(options.urlFile);
        const target = targetOf(url, urlFile);
        if (config.database.engine !== 'sqlite') {
          throw new CliError(
            'DATABASE_URL is of PostgreSQL already: run this with the settings of the embedded installation, where it moves from.',
          );
        }
        const { moveToPostgres } = await import('../database/move.ts');
        const { loadOrCreateSecret } = await import('../secret.ts');
        const { path } = config.database;
        const moved = await moveToPostgres(path, target).catch((error) => {
          throw new CliError(explain(error, { ...config, database: target }), { cause: error });
        });
        const rows = Object.values(moved.rows).reduce((sum, count) => sum + count, 0);
        // Where it was never served there is none yet.
        if (config.secret === null) loadOrCreateSecret(config.dataDirectory);
        const settings = settingsAfter(config, target, urlFile);
        const value = { from: path, to: describeAddress(target), ...contentView(moved), rows: moved.rows, settings };
        answer(
          options,
          value,
          `Moved ${contentText(moved)} to ${describeAddress(target)}: ${rows} rows of ${Object.keys(moved.rows).length} tables, every one compared.
${path} is as it was, but marked: it is not served any more. Keep it until you trust the new place.

Now set, on every node, and start Inksong:
${Object.entries(settings)
  .map(([name, text]) => `  ${name}=${text}`)
  .join('\n')}`,
        );
      }),
    );
}

function targetOf(url: string | undefined, file: string | undefined): PostgresAddress {
  if ((url === undefined) === (file === undefined)) {
    throw new CliError('Say where to: inksong migrate-to postgres://…, or inksong migrate-to --url-file FILE.');
  }
  let address: ReturnType<typeof parseDatabaseUrl>;
  try {
    address = parseDatabaseUrl(file === undefined ? (url ?? '') : readFileSync(file, 'utf8').trim());
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(code === undefined ? `The URL ${message}.` : `${file} cannot be read (${code}).`);
  }
  if (address.engine !== 'postgres') throw new CliError('The URL must begin with postgres://.');
  return address;
}

/** With the same secret and public URL, access tokens of before are good afterwards. */
function settingsAfter(
  { dataDirectory, secret, publicUrl }: Config,
  { password }: PostgresAddress,
  urlFile: string | undefined,
): Record<string, string> {
  const given = password === null ? 'the URL given here' : 'the URL given here, with its password';
  return {
    ...(urlFile === undefined ? { DATABASE_URL: `(${given})` } : { DATABASE_URL_FILE: urlFile }),
    ...(secret === null
      ? { INKSONG_SECRET_FILE: join(dataDirectory, 'secret') }
      : { INKSONG_SECRET: '(as it is now)' }),
    INKSONG_PUBLIC_URL: publicUrl,
  };
}
