import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { CliError } from './cli-error.ts';

export interface Terminal {
  input: Readable & { isTTY?: boolean };
  output: NodeJS.WritableStream;
}

/**
 * Asks before something is destroyed. Resolves on yes; throws CliError on anything else, and at once, without waiting
 * for an answer nobody will type, when the input is no terminal.
 */
export async function confirm(
  question: string,
  options: { yes?: boolean },
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (options.yes) return;
  if (!input.isTTY) throw new CliError(`${question} Nobody is here to ask: add --yes to do it.`);
  const terminal = createInterface({ input, output });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const typed = await Promise.race([terminal.question(`${question} Go on? [y/N] `), closed]);
    if (!/^y(es)?$/i.test(typed.trim())) throw new CliError('Nothing was changed.');
  } finally {
    terminal.close();
  }
}

export const yesOption = ['-y, --yes', 'do not ask; needed when standard input is no terminal'] as const;
