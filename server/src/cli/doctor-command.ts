import type { Command } from 'commander';
import { ConfigError } from '../config.ts';
import type { Check } from './doctor-checks.ts';
import { answer, jsonOption } from './output.ts';
import { currentConfig } from './with-services.ts';

export function addDoctorCommand(inksong: Command): void {
  inksong
    .command('doctor')
    .description('check settings, folders, secret, disk and database, and say what to do; changes nothing')
    .option(...jsonOption)
    .addHelpText('after', '\nExits with 1 when something is wrong.\n\nExample:\n  inksong doctor')
    .action(async (options: { json?: boolean }) => {
      const checks = await allChecks();
      const text = checks.map(({ name, ok, detail }) => `${ok ? '✓' : '✗'} ${name}: ${detail}`).join('\n');
      const ok = checks.every((check) => check.ok);
      answer(options, { ok, checks }, text);
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
