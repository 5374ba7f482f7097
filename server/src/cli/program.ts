import { Command } from 'commander';
import { addAccountCommands } from './account-commands.ts';
import { addBackupCommands } from './backup-commands.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addKeyCommands } from './key-commands.ts';
import { addMoveCommand } from './move-command.ts';
import { addOpenApiCommand } from './openapi-command.ts';
import { addServerCommands } from './server-commands.ts';
import { addSessionCommands } from './session-commands.ts';

/** The table of contents: every command of `inksong`, by group. */
export function program(): Command {
  const inksong = new Command('inksong')
    .description('A document API with accounts. Settings come from the environment and a .env file: see the README.')
    .showHelpAfterError('(--help shows what there is)')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Examples:
  inksong serve
  inksong accounts create ada@example.com
  inksong keys rotate ada@example.com --reason "laptop lost"
  inksong backup inksong-2026-01-31.db

Every command but serve also works while a server is running; the server's next request sees what it changed.
From the checkout: npm run --silent inksong -- <command>`,
    );
  addServerCommands(inksong);
  addAccountCommands(inksong);
  addKeyCommands(inksong);
  addSessionCommands(inksong);
  addBackupCommands(inksong);
  addMoveCommand(inksong);
  addDoctorCommand(inksong);
  addOpenApiCommand(inksong);
  return inksong;
}
