// Documents of 1 MiB and 25 MiB, up and down, one after another.
import { hash } from 'node:crypto';
import { type Finding, findingOf } from '../finding.ts';
import { get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import type { LoadRequest } from '../load/load.ts';
import type { SectionResult } from '../section.ts';
import type { ServerProcess } from '../server-process.ts';
import { ask } from '../subject.ts';
import type { Workshop } from '../workshop.ts';

const mebibyte = 1024 ** 2;
const sizesMiB = [1, 25];
const longestMs = 20_000;

export const transfersName = 'inksong-transfers';

export async function measureTransfers(workshop: Workshop): Promise<SectionResult> {
  const program = inksong(transfersName, inksongSettings(await workshop.dataFolder(transfersName)));
  const server = await workshop.start(program);
  const contentPath = `${listPath}${await makeDocument(server.port)}/content`;
  // Whatever else it does has been done before it is said what a transfer adds.
  await times(20, () => run(workshop, server, [get(listPath, keyHeaders(0))]));
  const findings: Finding[] = [];
  for (const sizeMiB of sizesMiB) {
    const { residentBytes } = await server.resources();
    const addedMb = async () => Math.max(0, (await server.resources()).peakBytes - residentBytes) / 1e6;
    const headers = { ...keyHeaders(0), 'Content-Type': 'application/octet-stream' };
    const put = { method: 'PUT', path: contentPath, headers, body: sizeMiB * mebibyte };
    const up = [await run(workshop, server, [put])];
    const down = [await run(workshop, server, [get(contentPath, keyHeaders(0))])];
    const byOneMb = await addedMb();
    await requireBytes(server.port, contentPath, sizeMiB * mebibyte);
    const more = workshop.sizes.transfers - 1;
    up.push(...(await times(more, () => run(workshop, server, [put]))));
    down.push(...(await times(more, () => run(workshop, server, [get(contentPath, keyHeaders(0))]))));
    for (const [direction, seconds] of Object.entries({ upload: up, download: down })) {
      const rates = seconds.map((each) => sizeMiB / each);
      findings.push(findingOf(`${direction} of ${sizeMiB} MiB`, 'MiB/s', 'more', rates));
    }
    findings.push(
      findingOf(`what ${sizeMiB} MiB add to what is resident`, 'MB', 'less', [byOneMb], 80),
      findingOf(`what ${sizeMiB} MiB add, ${workshop.sizes.transfers} times in a row`, 'MB', 'less', [await addedMb()]),
    );
  }
  await workshop.stop(server);
  return { subjects: [], findings };
}

/** Returns the id of a new document. */
async function makeDocument(port: number): Promise<string> {
  const headers = { ...keyHeaders(0), 'Content-Type': 'application/json' };
  const body = JSON.stringify({ title: 'Transfers', content: '' });
  const { status, text } = await ask(port, { method: 'POST', path: listPath, headers, body });
  if (status !== 201) throw new Error(`A document could not be made: ${text}`);
  return JSON.parse(text).id;
}

/** Throws unless the document is whole. */
async function requireBytes(port: number, path: string, length: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: keyHeaders(0) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const digest = hash('sha256', bytes, 'hex');
  if (digest !== hash('sha256', Buffer.alloc(length, 'inksong '), 'hex'))
    throw new Error(`${path} is not what was sent.`);
}

/** Returns the seconds that each of so many runs took. */
async function times(count: number, work: () => Promise<number>): Promise<number[]> {
  const seconds: number[] = [];
  for (let index = 0; index < count; index++) seconds.push(await work());
  return seconds;
}

async function run(workshop: Workshop, { port }: ServerProcess, requests: LoadRequest[]): Promise<number> {
  const alone = { connections: 1, maxRequests: 1, requestsPerSecond: null, busyPollMs: 0 };
  const { seconds, statuses } = await workshop.generator.run({ port, requests, forMs: longestMs, ...alone });
  if (Object.keys(statuses).join() !== '200') throw new Error(`A transfer was answered ${JSON.stringify(statuses)}.`);
  return seconds;
}
