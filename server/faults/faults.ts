// Runs experiments that try to break the server's promises.
//   npm run faults                                  lists them
//   npm run faults -- kill                          the full run of one
//   npm run faults -- kill --small                  as small as in the test suite
//   npm run faults -- kill kills=100 --seed 7       with sizes of one's own, and the choices of an earlier run
//   npm run faults -- kill --planted --small        against a server with a defect, which it must find
//   npm run faults -- kill --engine postgres
import { AssertionError } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { experiments } from './experiments.ts';
import { anySeed, type Engine, type Experiment, inOneLine, runExperiment } from './instruments/experiment.ts';
import { withDefect } from './instruments/planted-defect.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    seed: { type: 'string' },
    engine: { type: 'string' },
  },
});
/** Exit codes. */
const held = 0;
const broke = 1;
const unjudged = 2;

// Servers in this process let it end while they wait for a thread of theirs.
setInterval(() => {}, 60_000);

const [name, ...sizes] = positionals;
if (name === undefined) list();
else
  process.exitCode = await runNamed(name).catch((error: unknown) => {
    console.error(error);
    return error instanceof AssertionError ? broke : unjudged;
  });
// What an experiment that broke off left open must not hold the program up.
process.exit();

function list(): void {
  for (const [each, { shows, engines, full, needs, planted }] of Object.entries(experiments)) {
    console.log(`${each} (${engines.join(', ')}${needs ? `; needs ${needs.join(', ')}` : ''})`);
    console.log(`  shows:    ${shows}`);
    console.log(`  full run: ${inOneLine(full)}`);
    console.log(`  planted:  ${planted.what}`);
  }
}

async function runNamed(experimentName: string): Promise<number> {
  const experiment: Experiment | undefined = experiments[experimentName];
  if (!experiment) throw new Error(`There is no experiment ${experimentName}: npm run faults lists them.`);
  if (values.planted) return runPlanted(experiment);
  const engine = (values.engine ?? experiment.engines[0]) as Engine;
  if (!experiment.engines.includes(engine)) throw new Error(`${experimentName} does not run on ${engine}.`);
  const size = { ...(values.small ? experiment.small : experiment.full), ...ownSizes(experiment.full) };
  const seed = values.seed === undefined ? anySeed() : Number(values.seed);

  console.log(`${experimentName} on ${engine}, seed ${seed}; ${inOneLine(size)}`);
  const startedMs = performance.now();
  const { counts, broken } = await runExperiment(experiment, size, { engine, seed, say: console.log });
  for (const [what, count] of Object.entries(counts)) console.log(`  ${what}: ${count}`);
  console.log(`  seconds: ${Math.round((performance.now() - startedMs) / 1000)}`);
  for (const sentence of broken.slice(0, 20)) console.log(`  broken: ${sentence}`);
  console.log(broken.length === 0 ? `Held: ${experiment.shows}.` : `Broken, ${broken.length} times.`);
  return broken.length === 0 ? held : broke;
}

/** Runs the same experiment in processes that have the defect in them. */
function runPlanted({ planted }: Experiment): number {
  const words = process.argv.slice(2).filter((word) => word !== '--planted');
  console.log(`Planted in server/src/${planted.file}: ${planted.what}.`);
  const { status } = spawnSync(process.execPath, [import.meta.filename, ...words], {
    stdio: 'inherit',
    env: { ...process.env, ...withDefect(planted) },
  });
  console.log(status === broke ? 'The planted defect was found.' : 'The planted defect was NOT found.');
  return status === broke ? held : broke;
}

function ownSizes(full: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    sizes.map((word) => {
      const [what = '', number] = word.split('=');
      if (!(what in full)) throw new Error(`${word}: the sizes are ${Object.keys(full).join(', ')}.`);
      return [what, Number(number)];
    }),
  );
}
