import { readFileSync } from 'node:fs';
import { type Finding, inWords } from './finding.ts';

export interface ComparedFinding {
  name: string;
  unit: string;
  now: string;
  before: string;
  /** By how much the median has moved, percent. */
  change: string;
  /** The middle halves of the two do not even touch. */
  differs: 'yes' | 'no' | '';
}

/** Returns each finding beside the one of the same name from an earlier run; those that only one of them has, too. */
export function compareFindings(now: readonly Finding[], before: readonly Finding[]): ComparedFinding[] {
  const names = [...new Set([...now, ...before].map(({ name }) => name))];
  return names.map((name) => {
    const [present, past] = [now, before].map((findings) => findings.find((finding) => finding.name === name));
    const unit = (present ?? past)?.unit ?? '';
    const compared = { name, unit, now: spreadInWords(present), before: spreadInWords(past) };
    if (!present || !past) return { ...compared, change: '', differs: '' };
    const percent = (present.median / past.median - 1) * 100;
    const differs = present.lower > past.upper || present.upper < past.lower;
    return {
      ...compared,
      change: `${percent >= 0 ? '+' : ''}${percent.toFixed(1)} %`,
      differs: differs ? 'yes' : 'no',
    };
  });
}

/** Returns the findings of a result that was written earlier. Throws when the file is none. */
export function readFindings(path: string): Finding[] {
  const { findings } = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(findings)) throw new Error(`${path} is no result of npm run bench.`);
  return findings;
}

function spreadInWords(finding: Finding | undefined): string {
  if (!finding) return 'not measured';
  return `${inWords(finding.median)} (${inWords(finding.lower)} to ${inWords(finding.upper)})`;
}
