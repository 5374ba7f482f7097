import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { goodPassword, send } from './boot.ts';
import { spawnServer } from './spawn-server.ts';

const root = join(import.meta.dirname, '../..');

export interface CodeBlock {
  /** The heading it stands under. */
  heading: string;
  language: string;
  code: string;
  /** `docs/authentication.md:27`, for messages. */
  place: string;
}

/** Returns the fenced code blocks of a Markdown file, in order. */
export function codeBlocks(path: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = '';
  let open: CodeBlock | null = null;
  for (const [index, line] of readFileSync(join(root, path), 'utf8').split('\n').entries()) {
    const fence = /^ *(?:```|~~~)(.*)$/.exec(line);
    if (fence && open) {
      blocks.push(open);
      open = null;
    } else if (fence) {
      open = { heading, language: (fence[1] ?? '').trim(), code: '', place: `${path}:${index + 1}` };
    } else if (open) {
      open.code += `${line}\n`;
    } else {
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    }
  }
  assert.equal(open, null, `${path} ends inside a code block`);
  return blocks;
}

/** The blocks of a page, each to be taken once: what is never taken was never run. */
export class Page {
  readonly #left: CodeBlock[];
  constructor(path: string) {
    this.#left = codeBlocks(path);
  }

  take(heading: string, language: string): CodeBlock {
    const index = this.#left.findIndex((block) => block.heading === heading && block.language === language);
    const [block] = index < 0 ? [] : this.#left.splice(index, 1);
    assert.ok(block, `there is no ${language} sample under "${heading}"`);
    return block;
  }

  /** The places of blocks not yet taken; of some languages only, or of all but those. */
  left(isMeant: (language: string) => boolean): string[] {
    return this.#left.filter(({ language }) => isMeant(language)).map(({ place, language }) => `${place} ${language}`);
  }
}

/** A language of the pages, and who runs it: every other one fails the suite. */
export const languagesOfNpmTest = ['js'];
export const languagesOfAll = ['sh', 'python', 'http'];

/** The one document that every sample's list shows. */
const documentTitle = 'Minutes of the harbour committee';

export interface Reader {
  url: string;
  email: string;
  password: string;
  apiKey: string;
  accessToken: string;
  apiKeyId: string;
  /** An empty folder to run samples in. */
  folder: string;
}

/** Starts a server that calls itself by the pages' address, with an account of one document, as whoever reads them has. */
export async function readerWithServer(t: TestContext): Promise<Reader> {
  const folder = mkdtempSync(join(tmpdir(), 'inksong-samples-'));
  const dataDirectory = mkdtempSync(join(tmpdir(), 'inksong-samples-data-'));
  const settings = { INKSONG_PUBLIC_URL: 'https://api.inksong.app', LOG_LEVEL: 'error' };
  const { url } = await spawnServer(t, dataDirectory, settings);
  // After the server's own end: `t.after` runs in the order of registration.
  t.after(() => {
    for (const path of [folder, dataDirectory]) rmSync(path, { recursive: true });
  });
  const account = { email: 'reader@example.com', password: goodPassword };
  const { status, json } = await send(`${url}/api/v1/auth/register`, 'POST', { json: account });
  assert.equal(status, 201);
  const keys = await send(`${url}/api/v1/api-keys/`, 'GET', { bearer: json.access_token });
  const document = { title: documentTitle, content: 'All present.' };
  assert.equal((await send(`${url}/api/v1/documents/`, 'POST', { key: json.api_key, json: document })).status, 201);
  return {
    url,
    ...account,
    apiKey: json.api_key,
    accessToken: json.access_token,
    apiKeyId: keys.json.items[0].id,
    folder,
  };
}

/** Puts what a reader would fill in by hand into a sample, and nothing else. */
export function filledIn(code: string, { url, email, password, apiKey, accessToken, apiKeyId }: Reader): string {
  return code
    .replaceAll(/https:\/\/api\.inksong\.app|http:\/\/localhost:8080/g, url)
    .replaceAll('ink_YOUR_KEY_HERE', apiKey)
    .replaceAll('you@example.com', email)
    .replace(/("password": ?|password: )"\.\.\."/g, `$1${JSON.stringify(password)}`)
    .replaceAll('Bearer eyJ...', `Bearer ${accessToken}`)
    .replaceAll('key_...', apiKeyId);
}

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

const sampleLimitMs = 20_000;

/** Runs a sample by an interpreter, with the reader's key in the environment where the pages say it belongs. */
export async function runSample(
  command: string,
  words: string[],
  reader: Pick<Reader, 'apiKey' | 'folder'>,
): Promise<Run> {
  const child = spawn(command, words, {
    cwd: reader.folder,
    env: { PATH: process.env.PATH, HOME: reader.folder, CURL_HOME: reader.folder, INKSONG_API_KEY: reader.apiKey },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(sampleLimitMs),
    killSignal: 'SIGKILL',
  });
  const exit = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}

/** Fails unless a value is the answer that lists the reader's one document. */
export function assertDocumentList(value: unknown): void {
  const { items, next_cursor } = value as { items: { title: string; size: number }[]; next_cursor: unknown };
  assert.deepEqual(
    items.map(({ title, size }) => ({ title, size })),
    [{ title: documentTitle, size: 12 }],
  );
  assert.equal(next_cursor, null);
}

/** Fails unless a value has everything that a page shows of it; `...` at the end of a shown text stands for the rest. */
export function assertShown(shown: unknown, value: unknown, where: string): void {
  if (typeof shown === 'string' && shown.endsWith('...')) {
    assert.equal(String(value).slice(0, shown.length - 3), shown.slice(0, -3), where);
    assert.ok(String(value).length > shown.length, where);
  } else if (typeof shown === 'object' && shown !== null) {
    for (const [key, part] of Object.entries(shown)) {
      assertShown(part, (value as Record<string, unknown>)[key], `${where} ${key}`);
    }
  } else {
    assert.equal(value, shown, where);
  }
}
