import type { AllowedIps, FieldError } from '@inksong/client';

/** An entry of an allowlist and the line it was typed on, from 1. Lines without anything on them are none. */
export interface AddressLine {
  line: number;
  entry: string;
}

/** What is wrong with one line; `line` is null when it is said of the list as a whole. */
export interface LineFault {
  line: number | null;
  detail: string;
}

/** Returns the entries of a text with one on each line. Spaces around them mean nothing. */
export function readAddressLines(text: string): AddressLine[] {
  return text
    .split('\n')
    .map((typed, index) => ({ line: index + 1, entry: typed.trim() }))
    .filter(({ entry }) => entry !== '');
}

export function addressText(allowedIps: AllowedIps): string {
  return (allowedIps ?? []).join('\n');
}

/** Returns a text with one more entry on a line of its own, at the end. */
export function withAddress(text: string, address: string): string {
  const before = text.trimEnd();
  return before === '' ? address : `${before}\n${address}`;
}

export function isSameList(text: string, other: string): boolean {
  const entries = (each: string) => readAddressLines(each).map(({ entry }) => entry);
  return entries(text).join('\n') === entries(other).join('\n');
}

/** Returns what the server says of entries, at the lines they were typed on; the first lines first. */
export function lineFaults(errors: readonly FieldError[], lines: readonly AddressLine[]): LineFault[] {
  const faults = errors.map(({ pointer, detail }) => {
    const [, index] = /^\/allowed_ips\/(\d+)$/.exec(pointer) ?? [];
    return { line: index === undefined ? null : (lines[Number(index)]?.line ?? null), detail };
  });
  return faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** Returns where a line begins and ends in a text, for selecting it. */
export function lineRange(text: string, line: number): { start: number; end: number } {
  const lines = text.split('\n');
  const start = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
  return { start, end: start + (lines[line - 1] ?? '').length };
}
