import type { Command } from 'commander';
import type { Account } from '../auth/accounts/accounts.ts';
import { isoTime } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { linkOf } from '../mail/mailed-link.ts';
import { CliError } from './cli-error.ts';
import { confirm, yesOption } from './confirm.ts';
import { answer, count, jsonOption, say, table } from './output.ts';
import { namedAccount, withServices } from './with-services.ts';

export function addAccountCommands(inksong: Command): void {
  const accounts = inksong
    .command('accounts')
    .description('invite, list, disable, enable and delete accounts, and reset their passwords');

  accounts
    .command('create')
    .description('print a one-time link (72 h) with which an address signs up, closed sign-up or not')
    .argument('<email>', 'the address the link is for')
    .option(...jsonOption)
    .addHelpText(
      'after',
      '\nThe account and its API key are made when the link is used. A new link for an address voids the one before.\n\nExample:\n  inksong accounts create ada@example.com',
    )
    .action((address: string, options: { json?: boolean }) =>
      withServices(async (services, config) => {
        requireAddress(config);
        const { email, token, expiresInSeconds } = await services.accounts.invite(address);
        const link = `${config.publicUrl}/sign-up#invitation=${token}&email=${encodeURIComponent(email)}`;
        const expiresAt = isoTime(Date.now() + expiresInSeconds * 1000);
        answer(
          options,
          { email, invitation: token, link, expires_at: expiresAt },
          invitationText(config, { email, token, link, expiresAt }),
        );
      }),
    );

  accounts
    .command('list')
    .description('list every account')
    .option(...jsonOption)
    .action((options: { json?: boolean }) =>
      withServices(async (services) => {
        const all = await services.accounts.list();
        answer(options, all.map(accountView), listText(all));
      }),
    );

  accounts
    .command('disable')
    .description("refuse an account's key and end its sessions, from the next request on")
    .argument('<email|id>')
    .option(...yesOption)
    .addHelpText('after', '\nNothing is deleted; `inksong accounts enable` lets the key in again.')
    .action((emailOrId: string, options: { yes?: boolean }) =>
      withServices(async (services) => {
        const { id, email } = await namedAccount(services, emailOrId);
        await confirm(`${email} will be locked out, key and sessions.`, options);
        await services.accounts.disable(id);
        say(`${email} is disabled.`);
      }),
    );

  accounts
    .command('enable')
    .description('let a disabled account in again; its key works as before, its sessions stay ended')
    .argument('<email|id>')
    .action((emailOrId: string) =>
      withServices(async (services) => {
        const { id, email } = await namedAccount(services, emailOrId);
        await services.accounts.enable(id);
        say(`${email} is enabled.`);
      }),
    );

  accounts
    .command('reset-password')
    .description('print a one-time link (72 h) with which the owner of an account chooses a new password')
    .argument('<email|id>')
    .option(...jsonOption)
    .addHelpText(
      'after',
      '\nNothing changes until the link is used; then every session ends, and the API key goes on working. A new link for an account voids the one before.\n\nExample:\n  inksong accounts reset-password ada@example.com',
    )
    .action((emailOrId: string, options: { json?: boolean }) =>
      withServices(async (services, config) => {
        requireAddress(config);
        const { id, email } = await namedAccount(services, emailOrId);
        const issued = await services.passwordReset.issue(id);
        if (!issued) throw new CliError(`${email} is disabled; inksong accounts enable lets it in again.`);
        const { token, expiresInSeconds } = issued;
        const link = linkOf(config.publicUrl, 'password_reset', token);
        const expiresAt = isoTime(Date.now() + expiresInSeconds * 1000);
        answer(
          options,
          { email, token, link, expires_at: expiresAt },
          resetText(config, { email, token, link, expiresAt }),
        );
      }),
    );

  accounts
    .command('delete')
    .description('delete an account with its key, sessions and documents, for good')
    .argument('<email|id>')
    .option(...yesOption)
    .action((emailOrId: string, options: { yes?: boolean }) =>
      withServices(async (services) => {
        const { id, email } = await namedAccount(services, emailOrId);
        await confirm(`${email} will be deleted for good, with every document.`, options);
        await services.accounts.delete(id);
        say(`${email} is deleted.`);
      }),
    );
}

/** Throws CliError when it is not known where the server answers. */
function requireAddress({ port, publicUrl }: Config): void {
  if (port === 0 && publicUrl.endsWith(':0')) {
    throw new CliError('The link needs an address: set INKSONG_PUBLIC_URL, since PORT=0 may be any port.');
  }
}

function accountView({ id, email, createdAt, disabledAt }: Account) {
  return {
    id,
    email,
    created_at: isoTime(createdAt),
    disabled_at: disabledAt === null ? null : isoTime(disabledAt),
  };
}

function listText(all: readonly Account[]): string {
  if (all.length === 0) return 'There is no account yet.';
  const rows = all.map(({ id, email, createdAt, disabledAt }) => [
    email,
    id,
    isoTime(createdAt).slice(0, 10),
    disabledAt === null ? '' : 'disabled',
  ]);
  return `${table([['E-MAIL', 'ID', 'SINCE', ''], ...rows])}\n${count(all.length, 'account')}`;
}

function invitationText(
  { publicUrl }: Config,
  { email, token, link, expiresAt }: { email: string; token: string; link: string; expiresAt: string },
): string {
  const body = JSON.stringify({ email, password: 'five unrelated words do well', invitation: token });
  return `${email} can sign up once, until ${expiresAt}:
  ${link}

Or without a browser, with a password of one's own; the answer shows the API key this once:
  curl -X POST ${publicUrl}/api/v1/auth/register -H "Content-Type: application/json" \\
    -d ${shellQuoted(body)}`;
}

function resetText(
  { publicUrl }: Config,
  { email, token, link, expiresAt }: { email: string; token: string; link: string; expiresAt: string },
): string {
  const body = JSON.stringify({ token, new_password: 'five unrelated words do well' });
  return `${email} can choose a new password once, until ${expiresAt}:
  ${link}

Or without a browser, with a password of one's own:
  curl -X POST ${publicUrl}/api/v1/auth/password/reset -H "Content-Type: application/json" \\
    -d ${shellQuoted(body)}`;
}

/** Within single quotes a POSIX shell takes everything as it is but a single quote, which an e-mail address may hold. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
