/** Writes the answer of a command, for a person or a program to read. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes what accompanies an answer and must not end up in a pipe with it. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export const jsonOption = ['--json', 'answer in JSON, for scripts'] as const;

/** Writes an answer in the form that was asked for. */
export function answer(options: { json?: boolean }, value: unknown, text: string): void {
  say(options.json ? JSON.stringify(value, null, 2) : text);
}

/** Returns rows as columns that line up. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Returns a number of things in words: `1 session`, `3 sessions`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
