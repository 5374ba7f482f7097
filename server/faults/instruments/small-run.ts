import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { anySeed, type Experiment, inOneLine, runExperiment } from './experiment.ts';

/** Set it to the printed number to run an experiment with the same choices again. */
const seed = Number(process.env.INKSONG_TEST_SEED ?? anySeed());

/** Runs an experiment in its small size, on the first engine it is for, as a test. */
export async function smallRun<Size extends Record<string, number>>(
  t: TestContext,
  experiment: Experiment<Size>,
): Promise<void> {
  const [engine = 'sqlite'] = experiment.engines;
  t.diagnostic(`INKSONG_TEST_SEED=${seed}`);
  const outcome = await runExperiment(experiment, experiment.small, {
    engine,
    seed,
    say: (line) => t.diagnostic(line),
  });
  t.diagnostic(inOneLine(outcome.counts));
  assert.deepEqual(outcome.broken, []);
}
