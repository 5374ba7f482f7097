import type { Finding } from './finding.ts';
import { findingsOfPairs } from './pairs.ts';
import { type Measure, runRounds } from './rounds.ts';
import { type Spread, spreadOf } from './spread.ts';
import { type Subject, startSubjects } from './subject.ts';
import type { Workshop } from './workshop.ts';

/** What one subject was measured to do. */
export type SubjectFigures = { name: string; idleMiB: number; loadedMiB: number } & Record<Measure, Spread>;

export interface SectionResult {
  subjects: SubjectFigures[];
  findings: Finding[];
}

/** Measures subjects beside each other, and ends their servers. */
export async function measureBesideEachOther(workshop: Workshop, subjects: readonly Subject[]): Promise<SectionResult> {
  const running = await startSubjects(workshop, subjects);
  const samples = await runRounds(running, workshop.generator, workshop.sizes);
  const figures: SubjectFigures[] = [];
  for (const { name, server, idleBytes } of running) {
    const measured = samples.get(name);
    if (!measured) continue;
    const { residentBytes } = await server.resources();
    figures.push({
      name,
      requestsPerSecond: spreadOf(measured.requestsPerSecond),
      cpuMicroseconds: spreadOf(measured.cpuMicroseconds),
      p50Ms: spreadOf(measured.p50Ms),
      p99Ms: spreadOf(measured.p99Ms),
      idleMiB: idleBytes / 1024 ** 2,
      loadedMiB: residentBytes / 1024 ** 2,
    });
  }
  for (const server of new Set(running.map(({ server }) => server))) await workshop.stop(server);
  return { subjects: figures, findings: findingsOfPairs(samples) };
}
