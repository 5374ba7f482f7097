/** A refusal of the command line: its message is the one sentence (or the lines) that the person reads. */
export class CliError extends Error {
  override name = 'CliError';
}
