import { explain } from './explain.ts';
import { note } from './output.ts';
import { serveNow } from './serve-now.ts';

/** Runs the command line. A failure is a sentence on standard error and exit code 1; with LOG_LEVEL=debug, its stack too. */
export async function run(words: readonly string[]): Promise<void> {
  // `inksong … | head` closes our output early; that is no failure of ours.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    // The parser and the other commands would only slow a start down.
    if (words.length === 1 && words[0] === 'serve') await serveNow();
    else await (await import('./program.ts')).program().parseAsync(words, { from: 'user' });
  } catch (error) {
    note(explain(error, null));
    if (/^(debug|trace)$/.test(process.env.LOG_LEVEL ?? '')) console.error(error);
    process.exitCode = 1;
  }
}
