// One list of twenty documents, by everybody who can answer it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findingOf } from '../finding.ts';
import { bearerHeaders, get, inksong, inksongSettings, keyHeaders, listPath } from '../inksong.ts';
import type { LoadRequest } from '../load/load.ts';
import { findingOfTail } from '../pairs.ts';
import { measureBesideEachOther, type SectionResult } from '../section.ts';
import { accessTokens, accountId, callers, handWrittenKey, handWrittenTokens, publicUrl, seed } from '../seed.ts';
import { compileCache, type ServerProgram } from '../server-process.ts';
import { ask, emptyAnswer, type Subject, sameAs, usualBusyPollMs } from '../subject.ts';
import type { Workshop } from '../workshop.ts';

const load = { connections: 32, busyPollMs: usualBusyPollMs };
const everyCaller = Array.from({ length: callers }, (_, caller) => caller);
const withKeys = async (): Promise<LoadRequest[]> => everyCaller.map((caller) => get(listPath, keyHeaders(caller)));
const withTokens = (tokens: () => Promise<string[]>) => async (): Promise<LoadRequest[]> =>
  (await tokens()).map((token, caller) => get(listPath, bearerHeaders(token, caller)));

/** What Inksong answers its first caller, and the path of a file that holds it. */
interface FirstAnswer {
  text: string;
  path: string;
}

/** Makes one subject. */
type Recipe = (workshop: Workshop, answer: FirstAnswer) => Promise<Omit<Subject, 'name'>>;

export const recipes: Readonly<Record<string, Recipe>> = {
  'raw-http': async (_workshop, answer) => fromMemory('raw-http', answer),
  'raw-http-key': async (workshop, { text }) => {
    const environment = await ownDatabase(workshop, 'raw-http-key');
    return list(own('raw-http-key', environment), withKeys, text);
  },
  'bare-fastify': async (_workshop, answer) => fromMemory('bare-fastify', answer),
  'inksong-unguarded': async (workshop, { text }) => {
    const environment = inksongSettings(await workshop.dataFolder('inksong-unguarded'));
    return list(own('unguarded', environment), withKeys, text);
  },
  'hand-written-unguarded': async (workshop, { text }) => {
    const { environment, ...program } = await handWritten(workshop, 'unguarded');
    return list({ ...program, environment: { ...environment, BENCH_UNGUARDED: 'yes' } }, withKeys, text);
  },
  'hand-written-key': async (workshop, { text }) => list(await handWritten(workshop, 'key'), withKeys, text),
  'hand-written-bearer': async (workshop, { text }) =>
    list(await handWritten(workshop, 'bearer'), withTokens(handWrittenTokens), text),
  'better-auth-key': async (workshop, { text }) => betterAuth(workshop, 'key', text),
  'better-auth-key-memory': async (workshop, { text }) => betterAuth(workshop, 'key-memory', text),
  'better-auth-session': async (workshop, { text }) => betterAuth(workshop, 'session', text),
  'inksong-key': async (workshop, { text }) => list(await product(workshop, 'inksong-key'), withKeys, text),
  'inksong-bearer': async (workshop, { text }) =>
    list(await product(workshop, 'inksong-bearer'), withTokens(accessTokens), text),
  'inksong-decision': async (workshop) => ({
    ...list(await product(workshop, 'inksong-decision'), withKeys, '{}'),
    requests: async () => everyCaller.map((caller) => get('/api/v1/auth/forward', keyHeaders(caller))),
    fault: emptyAnswer,
  }),
  'inksong-allowlist': async (workshop, { text }) => {
    const path = join(workshop.folder, 'allowlists.db');
    // Its documents are as old as those of everybody else.
    const { seededAt } = workshop;
    await seed({ engine: 'sqlite', path }, callers, seededAt, { withAllowlists: true });
    const settings = { ...inksongSettings(workshop.folder), DATABASE_URL: path };
    return list(inksong('inksong-allowlist', settings), withKeys, text);
  },
};

/** Measures the subjects of these names. Installs Better Auth when it is among them and not here yet. */
export async function measureLists(
  workshop: Workshop,
  names: readonly string[],
  answer: FirstAnswer,
): Promise<SectionResult> {
  if (names.some((name) => name.startsWith('better-auth'))) installBetterAuth();
  const subjects: Subject[] = [];
  for (const name of names) {
    const recipe = recipes[name];
    if (recipe) subjects.push({ name, ...(await recipe(workshop, answer)) });
  }
  const { samples, ...measured } = await measureBesideEachOther(workshop, subjects);
  const decision = samples.get('inksong-decision');
  const byKey = measured.subjects.find(({ name }) => name === 'inksong-key');
  return {
    subjects: measured.subjects,
    findings: [
      ...measured.findings,
      ...(decision ? [findingOfTail('inksong-decision', decision)] : []),
      ...(byKey ? [findingOf('resident under load: inksong-key', 'MB', 'less', [byKey.loadedMb], 180)] : []),
    ],
  };
}

/** Asks the product what everybody has to answer. */
export async function firstAnswer(workshop: Workshop): Promise<FirstAnswer> {
  const server = await workshop.start(await product(workshop, 'reference'));
  const { text } = await ask(server.port, get(listPath, keyHeaders(0)));
  await workshop.stop(server);
  const path = join(workshop.folder, 'answer.json');
  writeFileSync(path, text);
  return { text, path };
}

async function product(workshop: Workshop, name: string): Promise<ServerProgram> {
  return inksong(name, inksongSettings(await workshop.dataFolder(name)));
}

function list(program: ServerProgram, requests: Subject['requests'], text: string): Omit<Subject, 'name'> {
  return { program, ...load, requests, fault: sameAs(text) };
}

/** A program of subjects/. */
function own(file: string, environment: Record<string, string>, name = file): ServerProgram {
  const program = [join(import.meta.dirname, '../subjects', `${file}.ts`)];
  const probe = { path: listPath, headers: keyHeaders(0), status: 200 };
  return { name, program, environment: { ...compileCache, ...environment }, probe };
}

function fromMemory(file: string, { text, path }: FirstAnswer): Omit<Subject, 'name'> {
  return list(own(file, { BENCH_ANSWER: path }), withKeys, text);
}

/** Returns the setting by which a program of subjects/ is told of its database. */
async function ownDatabase(workshop: Workshop, name: string): Promise<{ BENCH_DATABASE: string }> {
  return { BENCH_DATABASE: join(await workshop.dataFolder(name), 'inksong.db') };
}

async function handWritten(workshop: Workshop, scheme: string): Promise<ServerProgram> {
  const name = `hand-written-${scheme}`;
  const environment = await ownDatabase(workshop, name);
  return own('hand-written', { ...environment, BENCH_TOKEN_KEY: handWrittenKey, BENCH_ISSUER: publicUrl }, name);
}

async function betterAuth(workshop: Workshop, mode: string, text: string): Promise<Omit<Subject, 'name'>> {
  const name = `better-auth-${mode}`;
  const folder = await workshop.dataFolder(name);
  const credentials = join(folder, 'credentials.json');
  const program = own(
    'better-auth',
    {
      BENCH_DATABASE: join(folder, 'inksong.db'),
      BENCH_MODE: mode,
      BENCH_ACCOUNTS: JSON.stringify(everyCaller.map(accountId)),
      BENCH_CREDENTIALS: credentials,
    },
    name,
  );
  const headers = (secret: string, caller: number) =>
    mode === 'session' ? bearerHeaders(secret, caller) : { ...keyHeaders(caller), 'X-API-Key': secret };
  const requests = async () =>
    (JSON.parse(readFileSync(credentials, 'utf8')) as string[]).map((secret, caller) =>
      get(listPath, headers(secret, caller)),
    );
  // Nobody knows a credential before it has made them.
  return list({ ...program, probe: { path: '/', headers: {}, status: 404 } }, requests, text);
}

function installBetterAuth(): void {
  const folder = join(import.meta.dirname, '../better-auth');
  if (existsSync(join(folder, 'node_modules/better-auth'))) return;
  process.stderr.write('Installing Better Auth, which is compared with (half a minute, once) …\n');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('Better Auth could not be installed; the reason stands above.');
}
