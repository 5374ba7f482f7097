import { cpus, loadavg, totalmem } from 'node:os';
import { type Finding, inWords, isAsWanted, wantedInWords } from './finding.ts';
import type { SectionResult, SubjectFigures } from './section.ts';

/** What a run found, as it is written. */
export interface Result {
  command: string;
  at: string;
  machine: { processor: string; cores: number; memoryGiB: number; system: string; node: string; loadBefore: number };
  subjects: SubjectFigures[];
  findings: Finding[];
}

/** Call when the run begins: it looks at what else the machine is doing. */
export function newResult(command: string): Result {
  const machine = {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
  return { command, at: new Date().toISOString(), machine, subjects: [], findings: [] };
}

export function addSection(result: Result, { subjects, findings }: SectionResult): void {
  result.subjects.push(...subjects);
  result.findings.push(...findings);
}

export function printResult({ machine, subjects, findings }: Result): void {
  const { processor, cores, memoryGiB, system, node, loadBefore } = machine;
  console.log(
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, load ${loadBefore.toFixed(1)} before`,
  );
  if (loadBefore > cores / 2) console.log('The machine was busy: of these figures, only CPU a request says much.');
  if (subjects.length > 0)
    console.table(Object.fromEntries(subjects.map((subject) => [subject.name, subjectRow(subject)])));
  console.table(
    Object.fromEntries(
      findings.map((finding) => {
        const asWanted = isAsWanted(finding);
        return [
          finding.name,
          {
            median: `${inWords(finding.median)} ${finding.unit}`,
            quartiles: `${inWords(finding.lower)} to ${inWords(finding.upper)}`,
            wanted: wantedInWords(finding),
            'as wanted': asWanted === null ? '' : asWanted ? 'yes' : 'no',
          },
        ];
      }),
    ),
  );
}

function subjectRow({ requestsPerSecond, cpuMicroseconds, p50Ms, p99Ms, idleMb, loadedMb }: SubjectFigures) {
  return {
    'requests/s': inWords(requestsPerSecond.median),
    'CPU µs': inWords(cpuMicroseconds.median),
    quartiles: `${inWords(cpuMicroseconds.lower)} to ${inWords(cpuMicroseconds.upper)}`,
    'p50 ms': inWords(p50Ms.median),
    'p99 ms': inWords(p99Ms.median),
    'idle MB': inWords(idleMb),
    'loaded MB': inWords(loadedMb),
  };
}
