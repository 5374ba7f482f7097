import { parseArgs } from 'node:util';

export interface BenchArguments {
  quick: boolean;
  /** Only what has one of these in its name; none: everything. */
  only: string[];
  /** A result to compare with, as a path. */
  compare: string | null;
  /** Where the result goes, as a path; null: it is only printed. */
  out: string | null;
  /** A page of Markdown whose tables are filled with it, as a path. */
  page: string | null;
}

const usage = `npm run bench -- [options]
  --quick          what an earlier run is compared by, in under three minutes instead of twenty-five
  --only NAME      only subjects and sections with NAME in their name; may be given several times
  --compare FILE   print each finding beside the one of an earlier result; exit code 1 when a ratio of CPU time is worse
  --out FILE       write the result there, as JSON
  --page FILE      fill the tables of this page with it
`;

/** No ratio of CPU time comes of these, or one that another product has more to do with than this one. */
const fullOnly =
  /^(raw-http(-key)?|better-auth-.*|hand-written-unguarded|inksong-(postgres-workers|transfers|logins))$/;

/** Throws an Error with the usage when it cannot be told what is meant. */
export function readArguments(words: string[]): BenchArguments {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        compare: { type: 'string' },
        out: { type: 'string' },
        page: { type: 'string' },
      },
    });
    const { quick, only, compare = null, out = null, page = null } = values;
    return { quick, only, compare, out, page };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage}`);
  }
}

/** Tells whether something of this name is to be measured. */
export function isWanted({ quick, only }: Pick<BenchArguments, 'quick' | 'only'>, name: string): boolean {
  if (only.length > 0) return only.some((part) => name.includes(part));
  return !quick || !fullOnly.test(name);
}
