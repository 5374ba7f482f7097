import type { Experiment } from './instruments/experiment.ts';
import { kill } from './kill.ts';
import { killAtSync } from './kill-at-sync.ts';
import { syncedAnswers } from './synced-answers.ts';

/** By the name under which `npm run faults` runs each. */
// biome-ignore lint/suspicious/noExplicitAny: each has sizes of its own.
export const experiments: Record<string, Experiment<any>> = {
  kill,
  'kill-at-sync': killAtSync,
  'synced-answers': syncedAnswers,
};
