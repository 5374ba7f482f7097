import { median, quantile } from '../server/measure/instruments/statistics.ts';

/** The middle half of some samples. */
export interface Spread {
  lower: number;
  median: number;
  upper: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  return { lower: quantile(samples, 0.25), median: median(samples), upper: quantile(samples, 0.75) };
}

/** How two subjects are compared. */
export type Relation = 'quotient' | 'difference';

/**
 * Compares two subjects round by round, so that what disturbs the machine for a while disturbs both sides of a sample.
 * Throws when the two were not measured equally often.
 */
export function compareRounds(of: readonly number[], to: readonly number[], relation: Relation): Spread {
  if (of.length !== to.length) throw new Error(`${of.length} rounds cannot be compared with ${to.length}.`);
  return spreadOf(
    of.map((value, round) => {
      const other = to[round] as number;
      return relation === 'quotient' ? value / other : value - other;
    }),
  );
}
