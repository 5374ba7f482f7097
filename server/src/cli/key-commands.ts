import type { Command } from 'commander';
import { operator } from '../auth/actor.ts';
import { CliError } from './cli-error.ts';
import { confirm, jsonOption, yesOption } from './confirm.ts';
import { isoTime, note, say } from './output.ts';
import { namedAccount, withServices } from './with-services.ts';

export function addKeyCommands(inksong: Command): void {
  const keys = inksong.command('keys').description('rotate API keys');

  keys
    .command('rotate')
    .description("replace an account's API key; the old one is refused from the next request on")
    .argument('<email|id>', 'the account')
    .option('--reason <text>', "why, for the account's audit log")
    .option(...yesOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Only the new key goes to standard output, this once.

Examples:
  inksong keys rotate ada@example.com --reason "laptop lost"
  inksong keys rotate ada@example.com --yes | wl-copy`,
    )
    .action((emailOrId: string, options: { reason?: string; yes?: boolean; json?: boolean }) =>
      withServices(async (services) => {
        const { id, email } = await namedAccount(services, emailOrId);
        const [key, ...others] = await services.apiKeys.list(id);
        if (!key || others.length > 0)
          throw new CliError(`${email} has ${others.length + (key ? 1 : 0)} keys, not one.`);
        await confirm(`The key ${key.hint} of ${email} will stop working at once.`, options);
        const { apiKey, secret } = await services.apiKeys.rotate(id, key.id, options.reason ?? null, operator);
        if (options.json) {
          const rotatedAt = isoTime(apiKey.rotated_at ?? Date.now());
          say(JSON.stringify({ id: apiKey.id, email, api_key: secret, rotated_at: rotatedAt }, null, 2));
        } else {
          note(`The new key of ${email}, shown this once; ${key.hint} is refused from now on:`);
          say(secret);
        }
      }),
    );
}
