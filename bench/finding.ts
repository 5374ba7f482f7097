import { type Spread, spreadOf } from './spread.ts';

export type Unit = '×' | 'µs' | 'ms' | '/s' | 'MB' | 'MiB/s' | 'reads';

/** One figure of a run. */
export interface Finding extends Spread {
  name: string;
  unit: Unit;
  better: 'less' | 'more';
  /** At most or at least this, by what is better; null: it is told and no more. */
  wanted: number | null;
  /**
   * Where CPU time is compared, the same of each one's least disturbed quarter of rounds: what else the machine does only
   * ever adds to CPU time, so that this one hardly moves, and a later run may be judged by it. Null: it compares something
   * else, or something that is not so steady.
   */
  undisturbed: number | null;
}

/** Returns a figure that compares no CPU time, of its samples. */
export function findingOf(
  name: string,
  unit: Unit,
  better: Finding['better'],
  samples: readonly number[],
  wanted: number | null = null,
): Finding {
  return { name, unit, ...spreadOf(samples), better, wanted, undisturbed: null };
}

/** Tells whether the median is as wanted; null when nothing is. */
export function isAsWanted({ median, better, wanted }: Finding): boolean | null {
  if (wanted === null) return null;
  return better === 'more' ? median >= wanted : median <= wanted;
}

/** Returns a number in as many digits as it is worth. */
export function inWords(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(Math.abs(value) >= 0.1 || value === 0 ? 2 : 3);
}

export function wantedInWords({ better, wanted }: Pick<Finding, 'better' | 'wanted'>): string {
  if (wanted === null) return '';
  return `${better === 'more' ? '≥' : '≤'} ${inWords(wanted)}`;
}
