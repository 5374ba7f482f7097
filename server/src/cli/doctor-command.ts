import type { Command } from 'commander';
import { ConfigError } from '../config/config.ts';
import { type AfterRestoreOptions, endAfterRestore } from './after-restore.ts';
import { CliError } from './cli-error.ts';
import { yesOption } from './confirm.ts';
import type { Check } from './doctor-checks.ts';
import { endedText, endedView } from './ended-view.ts';
import { answer, jsonOption } from './output.ts';
import { currentConfig } from './with-services.ts';

export function addDoctorCommand(inksong: Command): void {
  inksong
    .command('doctor')
    .description('check settings, folders, secret, disk and database, and say what to do; changes nothing by itself')
    .option('--after-restore', 'first end every session and mailed link, as inksong restore does')
    .option('--kill-keys', 'with --after-restore: void every API key too; each person then rotates theirs')
    .option(...yesOption)
    .option(...jsonOption)
    .addHelpText(
      'after',
      `
Exits with 1 when something is wrong.

When other tools have put an older state of the database back (a dump, a point in time), sessions and links that had
ended are alive in it again. Stop every node, put it back, and run this before you start them.

Examples:
  inksong doctor
  inksong doctor --after-restore --kill-keys`,
    )
    .action(async (options: AfterRestoreOptions & { afterRestore?: boolean; json?: boolean }) => {
      if (options.killKeys && !options.afterRestore) throw new CliError('--kill-keys goes with --after-restore.');
      const ended = options.afterRestore ? await endAfterRestore(options) : null;
      const checks = await allChecks();
      const text = checks.map(({ name, ok, detail }) => `${ok ? '✓' : '✗'} ${name}: ${detail}`).join('\n');
      const ok = checks.every((check) => check.ok);
      if (ended === null) answer(options, { ok, checks }, text);
      else {
        const view = { ok, after_restore: endedView(ended), checks };
        const told = endedText(ended, options.killKeys ?? false, 'run this again');
        answer(options, view, `${told}\n\n${text}`);
      }
      if (!ok) process.exitCode = 1;
    });
}

async function allChecks(): Promise<Check[]> {
  const name = 'configuration';
  try {
    const config = currentConfig();
    const { checkAll } = await import('./doctor-checks.ts');
    return [{ name, ok: true, detail: 'every setting is understood' }, ...(await checkAll(config))];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((detail) => ({ name, ok: false, detail }));
  }
}
