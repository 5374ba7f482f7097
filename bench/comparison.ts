import { readFileSync } from 'node:fs';
import { type Finding, inWords } from './finding.ts';

export interface ComparedFinding {
  name: string;
  unit: string;
  now: string;
  before: string;
  /** By how much the median has moved, percent; of a ratio of CPU time, that of the least disturbed rounds. */
  change: string;
  verdict: 'better' | 'worse' | 'WORSE' | '';
}

/** By so much, ratios of CPU time differ between runs of the very same program while the machine is busy. */
const sameProgram = 0.05;

/**
 * Returns each finding beside the one of the same name from an earlier run; those that only one of them has, too. What
 * has become worse is `WORSE` where it is a ratio of CPU time: that is the program's doing, not the machine's. Any other is
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
  const isRatioOfCpu = present.undisturbed !== null && past.undisturbed !== null;
  const change = figureOf(present) / figureOf(past) - 1;
  const isMore = isRatioOfCpu ? change > sameProgram : present.lower > past.upper;
  const isLess = isRatioOfCpu ? change < -sameProgram : present.upper < past.lower;
  if (!isMore && !isLess) return '';
  if (isMore === (present.better === 'more')) return 'better';
  return isRatioOfCpu ? 'WORSE' : 'worse';
}

function spreadInWords(finding: Finding | undefined): string {
  if (!finding) return 'not measured';
  return `${inWords(finding.median)} (${inWords(finding.lower)} to ${inWords(finding.upper)})`;
}
