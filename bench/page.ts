import { type Finding, inWords, isAsWanted, wantedInWords } from './finding.ts';
import type { Result } from './result.ts';
import type { SubjectFigures } from './section.ts';

const begin = '<!-- Of docs/performance.json; written by npm run bench. -->';
const end = '<!-- To here. -->';

/** Returns a page of Markdown with a run's tables where its marks are. Throws when it has none. */
export function fillPage(page: string, result: Result): string {
  const [before, rest] = split(page, begin);
  const [, after] = split(rest, end);
  return `${before}${begin}\n\n${tablesOf(result)}\n\n${end}${after}`;
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`The page has no mark ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

function tablesOf({ command, at, machine, subjects, findings }: Result): string {
  const { processor, cores, memoryGiB, system, node, loadBefore } = machine;
  const wanted = findings.filter((finding) => finding.wanted !== null);
  const missed = wanted.filter((finding) => isAsWanted(finding) === false);
  return [
    `By \`${command}\` on ${at.slice(0, 10)}: ${processor}, ${cores} cores, which the load generator shares; ${memoryGiB} GiB, ${system}, Node ${node}; load ${loadBefore.toFixed(1)} before. The figure is the median, with its quartiles.`,
    `Of ${wanted.length} figures of which something is wanted, ${wanted.length - missed.length} are as wanted.`,
    table(['Figure', 'Found', 'Quartiles', 'Wanted', 'As wanted'], wanted.map(wantedRow)),
    'What nothing is wanted of:',
    table(['Figure', 'Found', 'Quartiles'], findings.filter(({ wanted }) => wanted === null).map(foundRow)),
    'Each subject:',
    table(
      ['Subject', 'Requests/s', 'CPU µs a request', 'p50 ms', 'p99 ms', 'MB idle', 'MB at most'],
      subjects.map(subjectRow),
    ),
  ].join('\n\n');
}

function foundRow({ name, unit, median, lower, upper }: Finding): string[] {
  return [name, `${inWords(median)} ${unit}`, `${inWords(lower)} to ${inWords(upper)}`];
}

function wantedRow(finding: Finding): string[] {
  return [...foundRow(finding), wantedInWords(finding), isAsWanted(finding) ? 'yes' : '**no**'];
}

function subjectRow({ name, requestsPerSecond, cpuMicroseconds, p50Ms, p99Ms, idleMb, loadedMb }: SubjectFigures) {
  const medians = [requestsPerSecond, cpuMicroseconds, p50Ms, p99Ms].map(({ median }) => median);
  return [`\`${name}\``, ...[...medians, idleMb, loadedMb].map(inWords)];
}

function table(header: readonly string[], rows: readonly string[][]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
