// What more accounts, and more documents in one account, cost a request by key.
import { join } from 'node:path';
import { get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import type { LoadRequest } from '../load/load.ts';
import { measureBesideEachOther, type SectionResult } from '../section.ts';
import { addAccounts, addDocuments, apiKey } from '../seed.ts';
import type { ServerProgram } from '../server-process.ts';
import { ask, pageOf, type Subject, sameAs, usualBusyPollMs } from '../subject.ts';
import type { Workshop } from '../workshop.ts';

const load = { connections: 32, busyPollMs: usualBusyPollMs };
const pageLength = 10;
const pagePath = `${listPath}?limit=${pageLength}`;
/** Whose documents grow, and who keeps the few he has. */
const [grower, keeper] = [0, 1];

export const growthSubjects = [
  'inksong-few-accounts',
  'inksong-many-accounts',
  'inksong-few-documents',
  'inksong-many-documents',
  'inksong-deepest-page',
] as const;

export async function measureGrowth(
  workshop: Workshop,
  names: readonly string[],
  reference: string,
): Promise<SectionResult> {
  const subjects: Subject[] = [];
  if (names.some((name) => name.endsWith('-accounts'))) subjects.push(...(await ofAccounts(workshop, reference)));
  if (names.some((name) => !name.endsWith('-accounts'))) subjects.push(...(await ofDocuments(workshop, reference)));
  return measureBesideEachOther(workshop, subjects);
}

async function ofAccounts(workshop: Workshop, reference: string): Promise<Subject[]> {
  // Every account whose key is known calls, most of them without documents: of so many, the rows do not lie in a few pages.
  const asked = Array.from({ length: workshop.sizes.accounts }, (_, caller) => get(listPath, keyHeaders(caller)));
  const requests = async () => asked;
  const [few, many] = ['inksong-few-accounts', 'inksong-many-accounts'] as const;
  const [fewFolder, manyFolder] = [await workshop.dataFolder(few), await workshop.dataFolder(many)];
  addAccounts(join(manyFolder, 'inksong.db'), workshop.sizes.manyAccounts - workshop.sizes.accounts);
  const subject = (name: string, folder: string): Subject => ({
    ...{ name, program: inksong(name, inksongSettings(folder)), ...load, requests, fault: sameAs(reference) },
  });
  return [subject(few, fewFolder), subject(many, manyFolder)];
}

async function ofDocuments(workshop: Workshop, reference: string): Promise<Subject[]> {
  const folder = await workshop.dataFolder('inksong-documents');
  addDocuments(join(folder, 'inksong.db'), grower, workshop.sizes.manyDocuments);
  const program = inksong('inksong-documents', inksongSettings(folder));
  const cursor = await deepestCursor(workshop, program);
  const subject = (name: string, request: LoadRequest): Subject => ({
    ...{ name, program, ...load, requests: async () => [request], fault: pageOf(pageLength, reference) },
  });
  return [
    subject('inksong-few-documents', get(pagePath, keyHeaders(keeper))),
    subject('inksong-many-documents', get(pagePath, keyHeaders(grower))),
    subject('inksong-deepest-page', get(`${pagePath}&cursor=${cursor}`, keyHeaders(grower))),
  ];
}

/** Walks to the last page but one, which is as long as the first and has a next one too. */
async function deepestCursor(workshop: Workshop, program: ServerProgram): Promise<string> {
  const server = await workshop.start(program);
  const headers = { 'X-API-Key': apiKey(grower) };
  const next = async (cursor: string | null, limit: number): Promise<string | null> => {
    const path = `${listPath}?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`;
    return JSON.parse((await ask(server.port, get(path, headers))).text).next_cursor;
  };
  let cursor: string | null = null;
  // Hundreds at a time, up to the last hundred.
  for (let read = 0; read < workshop.sizes.manyDocuments - 100; read += 100) cursor = await next(cursor, 100);
  for (let page = 0; page < 100 / pageLength - 2; page++) cursor = await next(cursor, pageLength);
  await workshop.stop(server);
  if (cursor === null) throw new Error('The list ended before its deepest page.');
  return cursor;
}
