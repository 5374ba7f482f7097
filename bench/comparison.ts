import { readFileSync } from 'node:fs';
import { type Finding, inWords, type Unit } from './finding.ts';

export interface ComparedFinding {
  name: string;
  unit: string;
  now: string;
  before: string;
  /** By how much the median has moved, percent; where CPU time is compared, that of the least disturbed rounds. */
  change: string;
  verdict: 'better' | 'worse' | 'WORSE' | '';
}

/**
 * By so much, ratios of CPU time and differences of it differ between runs of the very same program. A difference is of
 * two large figures, and what is to be noticed there is large beside it: a look-up more is half of what a guard costs.
 */
const sameProgram: Partial<Record<Unit, number>> = { '×': 0.08, µs: 1 / 3 };

/**
 * Returns each finding beside the one of the same name from an earlier run; those that only one of them has, too. What
 * has become worse is `WORSE` where it compares CPU time: that is the program's doing, not the machine's. Any other is
 * worse or better when the middle halves of the two do not even touch.
 */
export function compareFindings(now: readonly Finding[], before: readonly Finding[]): ComparedFinding[] {
  const names = [...new Set([...now, ...before].map(({ name }) => name))];
  return names.map((name) => {
    const [present, past] = [now, before].map((findings) => findings.find((finding) => finding.name === name));
    const unit = (present ?? past)?.unit ?? '';
    const compared = { name, unit, now: spreadInWords(present), before: spreadInWords(past) };
    if (!present || !past) return { ...compared, change: '', verdict: '' };
    const percent = (figureOf(present) / figureOf(past) - 1) * 100;
    const change = `${percent >= 0 ? '+' : ''}${percent.toFixed(1)} %`;
    return { ...compared, change, verdict: verdictOf(present, past) };
  });
}

/** Tells whether anything has become worse by the program's own doing. */
export function isRegression(compared: readonly ComparedFinding[]): boolean {
  return compared.some(({ verdict }) => verdict === 'WORSE');
}

/** Returns the findings of a result that was written earlier. Throws when the file is none. */
export function readFindings(path: string): Finding[] {
  const { findings } = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(findings)) throw new Error(`${path} is no result of npm run bench.`);
  return findings;
}

const figureOf = ({ undisturbed, median }: Finding): number => undisturbed ?? median;

function verdictOf(present: Finding, past: Finding): ComparedFinding['verdict'] {
  const isOfCpu = present.undisturbed !== null && past.undisturbed !== null;
  const change = figureOf(present) / figureOf(past) - 1;
  const { [present.unit]: noise = 0 } = sameProgram;
  const isMore = isOfCpu ? change > noise : present.lower > past.upper;
  const isLess = isOfCpu ? change < -noise : present.upper < past.lower;
  if (!isMore && !isLess) return '';
  if (isMore === (present.better === 'more')) return 'better';
  return isOfCpu ? 'WORSE' : 'worse';
}

function spreadInWords(finding: Finding | undefined): string {
  if (!finding) return 'not measured';
  return `${inWords(finding.median)} (${inWords(finding.lower)} to ${inWords(finding.upper)})`;
}
