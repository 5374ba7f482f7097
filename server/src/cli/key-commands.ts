import type { Command } from 'commander';
import type { Services } from '../app.ts';
import { operator } from '../auth/actor.ts';
import type { ApiKeyView } from '../auth/api-keys/api-keys.ts';
import { isoTime } from '../clock.ts';
import { CliError } from './cli-error.ts';
import { confirm, yesOption } from './confirm.ts';
import { answer, jsonOption, note, say } from './output.ts';
import { namedAccount, withServices } from './with-services.ts';

export function addKeyCommands(inksong: Command): void {
  const keys = inksong.command('keys').description('rotate API keys, and say where they may be used from');

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
        const key = await onlyKey(services, { id, email });
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

  keys
    .command('allow')
    .description("show or replace the addresses that an account's key may be used from, from the next request on")
    .argument('<email|id>', 'the account')
    .argument('[cidr...]', 'the whole list: IPv4 and IPv6 addresses and CIDRs; the present list is shown without any')
    .option('--any', 'let any address use the key')
    .option(...yesOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Asks first when the list would shut out addresses that have used the key in the last 30 days.

Examples:
  inksong keys allow ada@example.com 203.0.113.0/24 2001:db8::7
  inksong keys allow ada@example.com --any`,
    )
    .action((emailOrId: string, entries: string[], options: { any?: boolean; yes?: boolean; json?: boolean }) =>
      withServices(async (services) => {
        if (options.any && entries.length > 0) throw new CliError('Give addresses or --any, not both.');
        const { id, email } = await namedAccount(services, emailOrId);
        const key = await onlyKey(services, { id, email });
        if (!options.any && entries.length === 0) return answerAllowlist(options, email, key);
        const allowedIps = options.any ? null : entries;
        const { shutOut } = await services.apiKeys.previewAllowlist(id, key.id, allowedIps);
        if (shutOut.length > 0) {
          const lines = shutOut.map(({ address, lastUsedAt }) => `  ${address}, last on ${isoTime(lastUsedAt)}`);
          note(`These have used the key lately:\n${lines.join('\n')}`);
          await confirm('They will be refused at once.', options);
        }
        answerAllowlist(
          options,
          email,
          await services.apiKeys.update(id, key.id, { allowed_ips: allowedIps }, operator),
        );
      }),
    );
}

/** Throws CliError unless an account has exactly one key. */
async function onlyKey(services: Services, { id, email }: { id: string; email: string }): Promise<ApiKeyView> {
  const [key, ...others] = await services.apiKeys.list(id);
  if (!key || others.length > 0) throw new CliError(`${email} has ${others.length + (key ? 1 : 0)} keys, not one.`);
  return key;
}

function answerAllowlist(options: { json?: boolean }, email: string, { id, hint, allowed_ips }: ApiKeyView): void {
  const text =
    allowed_ips === null
      ? `Any address may use the key ${hint} of ${email}.`
      : `The key ${hint} of ${email} may be used from:\n${allowed_ips.map((each) => `  ${each}`).join('\n')}`;
  answer(options, { id, email, allowed_ips }, text);
}
