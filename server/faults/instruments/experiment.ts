import { randomInt } from 'node:crypto';
import type { PlantedDefect } from './planted-defect.ts';

export type Engine = 'sqlite' | 'postgres';

/** One attempt to break a promise. */
export interface Experiment<Size extends Record<string, number> = Record<string, number>> {
  /** What holds when nothing is found, as a sentence. */
  shows: string;
  engines: readonly Engine[];
  /** Debian's packages that it runs, beside what the project brings. */
  needs?: readonly string[];
  /** How much of everything: enough to notice a defect in seconds, and enough to say something about its rate. */
  small: Size;
  full: Size;
  /** A change of the server with which the experiment must fail. */
  planted: PlantedDefect;
  /** Throws when it cannot be judged; what it judged is in the outcome. */
  run(run: Run, size: Size): Promise<Outcome>;
}

/** What an experiment found wrong, and how much it looked at: a zero says nothing without its n. */
export interface Outcome {
  counts: Record<string, number | string>;
  /** Every broken promise, as a sentence. */
  broken: string[];
}

/** One run of an experiment. */
export interface Run {
  engine: Engine;
  seed: number;
  /** Ends or removes something when the run is over; the latest goes first. */
  after(end: () => unknown): void;
  say(line: string): void;
}

/** Runs an experiment and then ends all that it began, whatever came of it. */
export function runExperiment<Size extends Record<string, number>>(
  experiment: Experiment<Size>,
  size: Size,
  run: Omit<Run, 'after'>,
): Promise<Outcome> {
  return within(run, (whole) => experiment.run(whole, size));
}

/** Does a part of a run, and then ends all that it began, whatever came of it. */
export async function within<T>(run: Omit<Run, 'after'>, work: (part: Run) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  try {
    return await work({ ...run, after: (end) => void ends.unshift(end) });
  } finally {
    for (const end of ends) await end();
  }
}

/** Returns a seed for a run that was given none. */
export const anySeed = (): number => randomInt(2 ** 31);

/** Returns counts as one line. */
export function inOneLine(counts: Record<string, unknown>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}
