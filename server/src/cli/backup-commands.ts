import { resolve } from 'node:path';
import type { Command } from 'commander';
import { describeAddress } from '../database/database-url.ts';
import type { ContentCounts } from '../database/whole-file.ts';
import { confirm, yesOption } from './confirm.ts';
import { endedText, endedView } from './ended-view.ts';
import { answer, count, jsonOption } from './output.ts';
import { withConfig, withServices } from './with-services.ts';

export function addBackupCommands(inksong: Command): void {
  inksong
    .command('backup')
    .description('copy the database to one new file (mode 0600), also while the server runs')
    .argument('<file>', 'where to; never overwritten')
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
The file has one form for SQLite and PostgreSQL, and goes back into either. It holds hashes of keys and passwords, no
secret; the data folder's secret is not in it.

Example:
  inksong backup inksong-$(date +%F).db`,
    )
    .action((file: string, options: { json?: boolean }) =>
      withServices(async (_services, config) => {
        const { backUpDatabase } = await import('../database/backup.ts');
        const path = resolve(file);
        const made = await backUpDatabase(config.database, path);
        const value = { path, ...contentView(made), file_bytes: made.fileBytes };
        answer(options, value, `Backed up ${contentText(made)} to ${path} (${made.fileBytes} bytes, checked).`);
      }),
    );

  inksong
    .command('restore')
    .description('replace the database by a backup, also while the server runs; ends every session and mailed link')
    .argument('<file>', 'a file made by inksong backup')
    .option('--kill-keys', 'void every API key too; each person then rotates theirs')
    .option(...yesOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Without --kill-keys, keys rotated after the backup's time work again in their old form: kill them if one had leaked.

Example:
  inksong restore inksong-2026-01-31.db --kill-keys`,
    )
    .action((file: string, options: { killKeys?: boolean; yes?: boolean; json?: boolean }) =>
      withConfig(async (config) => {
        const { inspectBackup, restoreDatabase } = await import('../database/restore.ts');
        const { loadOrCreateSecret } = await import('../secret.ts');
        const live = describeAddress(config.database);
        const path = resolve(file);
        const held = await inspectBackup(path);
        await confirm(`Everything in ${live} will be replaced by ${contentText(held)}.`, options);
        const { killKeys = false } = options;
        const restored = await restoreDatabase(path, config, { killKeys });
        // A backup holds none, and without one the folder is no installation yet.
        if (config.secret === null) loadOrCreateSecret(config.dataDirectory);
        const value = {
          path: live,
          ...contentView(restored),
          ...endedView(restored),
          migrated: restored.migrated,
        };
        const ended = endedText(restored, killKeys, 'restore');
        answer(options, value, `Restored ${contentText(restored)}. ${ended}`);
      }),
    );
}

/** Returns what is in a database, in words. */
export function contentText({ accounts, documents, documentBytes }: ContentCounts): string {
  return `${count(accounts, 'account')} and ${count(documents, 'document')} (${documentBytes} bytes)`;
}

/** The same in JSON. */
export function contentView({ accounts, documents, documentBytes }: ContentCounts) {
  return { accounts, documents, document_bytes: documentBytes };
}
