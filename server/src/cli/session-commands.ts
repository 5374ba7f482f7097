import type { Command } from 'commander';
import { confirm, yesOption } from './confirm.ts';
import { answer, count, jsonOption } from './output.ts';
import { namedAccount, withServices } from './with-services.ts';

export function addSessionCommands(inksong: Command): void {
  const sessions = inksong.command('sessions').description('end sessions');

  sessions
    .command('revoke')
    .description('end every session of an account, from the next request on; its API key goes on working')
    .argument('<email|id>', 'the account')
    .option(...yesOption)
    .option(...jsonOption)
    .addHelpText('after', '\nExample:\n  inksong sessions revoke ada@example.com')
    .action((emailOrId: string, options: { yes?: boolean; json?: boolean }) =>
      withServices(async (services) => {
        const { id, email } = await namedAccount(services, emailOrId);
        await confirm(`${email} will be signed out everywhere.`, options);
        const ended = await services.accounts.endSessions(id);
        answer(options, { email, ended_sessions: ended }, `${count(ended, 'session')} of ${email} ended.`);
      }),
    );
}
