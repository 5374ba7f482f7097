// Inksong on a PostgreSQL of this machine's, by key and without a guard.
import { join } from 'node:path';
import { parseDatabaseUrl } from '../../server/src/database/database-url.ts';
import { startCluster } from '../../server/test/postgres-cluster.ts';
import { get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import { measureBesideEachOther, type SectionResult } from '../section.ts';
import { callers, seed } from '../seed.ts';
import { type Subject, sameAs } from '../subject.ts';
import type { Workshop } from '../workshop.ts';

const connections = 64;

export const postgresSubjects = ['inksong-postgres-key', 'inksong-postgres-unguarded'] as const;

export async function measurePostgres(workshop: Workshop, reference: string): Promise<SectionResult> {
  const cluster = await startCluster();
  workshop.after(() => cluster.remove());
  await seed(parseDatabaseUrl(cluster.url), workshop.sizes.accounts, workshop.seededAt);
  const [key, unguarded] = postgresSubjects;
  const settings = inksongSettings(workshop.folder, cluster.url);
  const product = inksong(key, settings);
  const twin = { ...product, name: unguarded, program: [join(import.meta.dirname, '../subjects/unguarded.ts')] };
  const requests = async () => Array.from({ length: callers }, (_, caller) => get(listPath, keyHeaders(caller)));
  const subjects: Subject[] = [
    { name: key, program: product, connections, requests, fault: sameAs(reference) },
    { name: unguarded, program: twin, connections, requests, fault: sameAs(reference) },
  ];
  return measureBesideEachOther(workshop, subjects);
}
