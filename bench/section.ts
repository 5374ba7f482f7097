import type { Finding } from './finding.ts';
import { findingsOfPairs } from './pairs.ts';
import { type Measure, runRounds, type Samples } from './rounds.ts';
import { type Spread, spreadOf } from './spread.ts';
import { type Subject, startSubjects } from './subject.ts';
import type { Workshop } from './workshop.ts';

/** What one subject was measured to do, and how much of it was resident before, and at most. */
export type SubjectFigures = { name: string; idleMb: number; loadedMb: number } & Record<Measure, Spread>;

export interface SectionResult {
  subjects: SubjectFigures[];
  findings: Finding[];
}

/** Measures subjects beside each other, and ends their servers. */
export async function measureBesideEachOther(
  workshop: Workshop,
  subjects: readonly Subject[],
): Promise<SectionResult & { samples: ReadonlyMap<string, Samples> }> {
  const running = await startSubjects(workshop, subjects);
  const samples = await runRounds(running, workshop.generator, workshop.sizes);
  const figures: SubjectFigures[] = [];
  for (const { name, server, idleBytes } of running) {
    const measured = samples.get(name);
    if (!measured) continue;
    const { peakBytes } = await server.resources();
    figures.push({
      name,
      requestsPerSecond: spreadOf(measured.requestsPerSecond),
      cpuMicroseconds: spreadOf(measured.cpuMicroseconds),
      p50Ms: spreadOf(measured.p50Ms),
      p99Ms: spreadOf(measured.p99Ms),
      idleMb: idleBytes / 1e6,
      loadedMb: peakBytes / 1e6,
    });
  }
  for (const server of new Set(running.map(({ server }) => server))) await workshop.stop(server);
  return { subjects: figures, findings: findingsOfPairs(samples), samples };
}
