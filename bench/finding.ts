import type { Spread } from './spread.ts';

export type Unit = '×' | 'µs' | 'ms' | '/s' | 'MiB' | 'MiB/s';
export type Wanted = { atLeast: number } | { atMost: number };

/** One figure of a run. */
export interface Finding extends Spread {
  name: string;
  unit: Unit;
  /** Null: it is told and no more. */
  wanted: Wanted | null;
}

/** Tells whether the median is as wanted; null when nothing is. */
export function isAsWanted({ median, wanted }: Finding): boolean | null {
  if (wanted === null) return null;
  return 'atLeast' in wanted ? median >= wanted.atLeast : median <= wanted.atMost;
}

/** Returns a number in as many digits as it is worth. */
export function inWords(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(Math.abs(value) >= 0.1 || value === 0 ? 2 : 3);
}

export function wantedInWords(wanted: Wanted | null): string {
  if (wanted === null) return '';
  return 'atLeast' in wanted ? `≥ ${inWords(wanted.atLeast)}` : `≤ ${inWords(wanted.atMost)}`;
}
