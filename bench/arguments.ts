import { parseArgs } from 'node:util';

export interface BenchArguments {
  quick: boolean;
  /** Measure Inksong on PostgreSQL as well. */
  postgres: boolean;
  /** Only what has one of these in its name; none: everything. */
  only: string[];
  /** A result to compare with, as a path. */
  compare: string | null;
  /** Where the result goes, as a path; null: it is only printed. */
  out: string | null;
}

const usage = `npm run bench -- [options]
  --quick          about two minutes instead of twenty; figures for orientation
  --only NAME      only subjects and sections with NAME in their name; may be given several times
  --postgres       also Inksong on a temporary PostgreSQL of this machine's
  --compare FILE   print each finding against the one of an earlier result
  --out FILE       write the result there, as JSON
`;

/** Throws an Error with the usage when it cannot be told what is meant. */
export function readArguments(words: string[]): BenchArguments {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        quick: { type: 'boolean', default: false },
        postgres: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        compare: { type: 'string' },
        out: { type: 'string' },
      },
    });
    const { quick, postgres, only, compare = null, out = null } = values;
    return { quick, postgres, only, compare, out };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage}`);
  }
}

/** Tells whether something of this name is to be measured. */
export function isWanted({ only }: Pick<BenchArguments, 'only'>, name: string): boolean {
  return only.length === 0 || only.some((part) => name.includes(part));
}
