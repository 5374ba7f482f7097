// Inksong on a PostgreSQL of this machine's: by key, without a guard, and by two workers; and how many round trips the
// credentials of all these requests take.
import { join } from 'node:path';
import { parseDatabaseUrl } from '../../server/src/database/database-url.ts';
import { startCluster } from '../../server/test/postgres-cluster.ts';
import { type Finding, findingOf } from '../finding.ts';
import { get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import type { LoadRequest } from '../load/load.ts';
import { measureBesideEachOther, type SectionResult } from '../section.ts';
import { callers, seed } from '../seed.ts';
import { compileCache, type ServerProgram } from '../server-process.ts';
import { type Subject, sameAs } from '../subject.ts';
import type { Workshop } from '../workshop.ts';

const connections = 64;
/** PostgreSQL needs the other processor. */
const busyPollMs = 0;
const workers = 2;

const [byKey, unguarded, byWorkers] = [
  'inksong-postgres-key',
  'inksong-postgres-unguarded',
  'inksong-postgres-workers',
] as const;
export const postgresSubjects = [byKey, unguarded, byWorkers];

const requests = async (): Promise<LoadRequest[]> =>
  Array.from({ length: callers }, (_, caller) => get(listPath, keyHeaders(caller)));

/** Measures the subjects of these names. */
export async function measurePostgres(
  workshop: Workshop,
  names: readonly string[],
  reference: string,
): Promise<SectionResult> {
  const cluster = await startCluster();
  workshop.after(() => cluster.remove());
  await seed(parseDatabaseUrl(cluster.url), workshop.sizes.accounts, workshop.seededAt);
  const product = inksong(byKey, inksongSettings(workshop.folder, cluster.url));
  const programs: Record<string, ServerProgram> = {
    [byKey]: product,
    [unguarded]: {
      ...product,
      name: unguarded,
      program: [join(import.meta.dirname, '../subjects/unguarded.ts')],
      environment: { ...compileCache, ...product.environment },
    },
    [byWorkers]: { ...product, name: byWorkers, program: [...product.program, '--workers', String(workers)] },
  };
  const subjects = names.flatMap((name): Subject[] => {
    const program = programs[name];
    return program ? [{ name, program, connections, busyPollMs, requests, fault: sameAs(reference) }] : [];
  });
  const { subjects: figures, findings } = await measureBesideEachOther(workshop, subjects);
  if (names.includes(byKey)) findings.push(await countCredentialReads(workshop, product));
  return { subjects: figures, findings };
}

/** By a process of its own: counting statements costs time. */
async function countCredentialReads(workshop: Workshop, product: ServerProgram): Promise<Finding> {
  const environment = { ...product.environment, BENCH_COUNTS_READS: '1' };
  const server = await workshop.start({ ...product, name: 'inksong-postgres-reads', environment });
  const { roundMs, warmUp } = workshop.sizes;
  const asked = await requests();
  const task = { port: server.port, connections, busyPollMs, requests: asked, requestsPerSecond: null };
  await workshop.generator.run({ ...task, forMs: warmUp.forMs, maxRequests: warmUp.requests });
  const before = await server.resources();
  const { answers } = await workshop.generator.run({ ...task, forMs: 2 * roundMs, maxRequests: 1_000_000 });
  const after = await server.resources();
  await workshop.stop(server);
  const reads = (after.credentialReads - before.credentialReads) / answers;
  return findingOf('credential round trips a request, by 64 connections', 'reads', 'less', [reads], 0.2);
}
