import type { LoadGenerator } from './load/load-generator.ts';
import type { Sizes } from './sizes.ts';
import type { RunningSubject } from './subject.ts';

/** Of one subject, a sample a round. */
export interface Samples {
  requestsPerSecond: number[];
  /** Of the server process, for one request. */
  cpuMicroseconds: number[];
  p50Ms: number[];
  p99Ms: number[];
}
export type Measure = keyof Samples;

const mostRequestsARound = 1_000_000;

/**
 * Measures every subject once a round, each time in another order: what disturbs the machine disturbs all of them.
 * Throws when anybody refuses a request.
 */
export async function runRounds(
  subjects: readonly RunningSubject[],
  generator: LoadGenerator,
  { warmUp, rounds, roundMs }: Pick<Sizes, 'warmUp' | 'rounds' | 'roundMs'>,
): Promise<Map<string, Samples>> {
  const samples = new Map<string, Samples>();
  for (const { name } of subjects) {
    samples.set(name, { requestsPerSecond: [], cpuMicroseconds: [], p50Ms: [], p99Ms: [] });
  }
  // By number, not by time: it takes some ten thousand requests until V8 has compiled what they need as well as it can.
  for (const subject of subjects) await measure(subject, generator, warmUp.forMs, warmUp.requests);
  for (let round = 1; round <= rounds; round++) {
    const first = round % subjects.length;
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      const sample = await measure(subject, generator, roundMs);
      const kept = samples.get(subject.name);
      for (const [name, value] of Object.entries(sample)) kept?.[name as Measure].push(value);
    }
    process.stderr.write(round === rounds ? '.\n' : '.');
  }
  return samples;
}

async function measure(
  { name, server, connections, busyPollMs, requests }: RunningSubject,
  generator: LoadGenerator,
  forMs: number,
  maxRequests = mostRequestsARound,
): Promise<Record<Measure, number>> {
  const asked = await requests();
  const before = await server.resources();
  const { answers, seconds, statuses, p50Ms, p99Ms } = await generator.run({
    port: server.port,
    connections,
    requests: asked,
    forMs,
    maxRequests,
    requestsPerSecond: null,
    busyPollMs,
  });
  const after = await server.resources();
  server.emptyLog();
  if (Object.keys(statuses).join() !== '200') throw new Error(`${name} answered ${JSON.stringify(statuses)}.`);
  return {
    requestsPerSecond: answers / seconds,
    cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / answers,
    p50Ms,
    p99Ms,
  };
}
