import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../src/app-error.ts';
import { settings } from '../src/config.ts';
import { problemKinds } from '../src/http/problem.ts';
import { bootServer } from './boot.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What stands between `<!-- marker -->` and `<!-- /marker -->` is generated; INKSONG_TEST_WRITE=1 writes it anew. */
function checkGenerated(file: string, marker: string, generated: string): void {
  const path = join(root, file);
  const text = readFileSync(path, 'utf8');
  const [before, rest = ''] = text.split(`<!-- ${marker} -->\n`);
  const [, after] = rest.split(`<!-- /${marker} -->\n`);
  assert.ok(after !== undefined, `${file} has no ${marker} markers`);
  const wanted = `${before}<!-- ${marker} -->\n${generated}\n<!-- /${marker} -->\n${after}`;
  if (process.env.INKSONG_TEST_WRITE === '1') writeFileSync(path, wanted);
  assert.equal(readFileSync(path, 'utf8'), wanted, `${file} has drifted; INKSONG_TEST_WRITE=1 npm test writes it anew`);
}

test('the README’s table of settings is the one the program reads', () => {
  const rows = settings.map(({ name, defaultText, about }) => `| \`${name}\` | ${defaultText} | ${about} |`);
  checkGenerated('README.md', 'settings', ['| Setting | Default | Meaning |', '|---|---|---|', ...rows].join('\n'));
});

test('the errors page lists every code with its status', () => {
  const rows = (Object.keys(problemKinds) as ErrorCode[]).map((code) => {
    const { status, title } = problemKinds[code];
    return `| <a id="${code}"></a>\`${code}\` | ${status} | ${title} |`;
  });
  checkGenerated('docs/errors.md', 'errors', ['| Code | Status | Meaning |', '|---|---|---|', ...rows].join('\n'));
});

test('every relative link in the Markdown pages leads to a file', () => {
  const pages = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...list('docs'),
    ...list('docs/decisions'),
  ];
  const dead: string[] = [];
  for (const page of pages) {
    for (const [, target = ''] of readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#]+)/g)) {
      if (/^(https?:|\/)/.test(target)) continue;
      const path = resolve(root, dirname(page), target);
      if (!exists(path)) dead.push(`${page} → ${target}`);
    }
  }
  assert.deepEqual(dead, []);
});

test('the server serves its guide and start page, and every problem type leads to a page that explains it', async (t) => {
  const server = await bootServer(t);
  const start = await fetch(`${server.url}/`);
  assert.equal(start.status, 200);
  assert.match(start.headers.get('content-type') ?? '', /^text\/html; charset=utf-8/);
  assert.match(start.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
  for (const page of list('docs')) {
    const name = page.replace(/^docs\/(.*)\.md$/, '$1');
    for (const path of [`/docs/${name}`, `/docs/${name}.md`]) {
      const answer = await fetch(server.url + path);
      assert.equal(answer.status, 200, path);
      assert.equal(await answer.text(), readFileSync(join(root, page), 'utf8'));
    }
  }
  assert.equal((await fetch(`${server.url}/docs/..%2fREADME`)).status, 404);
  assert.equal((await fetch(`${server.url}/docs/nothing`)).status, 404);

  const { json } = await server.call('GET', '/me');
  const [address = '', anchor] = json.type.split('#');
  const explained = await fetch(address.replace(server.config.publicUrl, server.url));
  assert.ok((await explained.text()).includes(`id="${anchor}"`));
});

function list(directory: string): string[] {
  return readdirSync(join(root, directory))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${directory}/${name}`);
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}

test('every attack case that the security page does not owe is a test with its number, in the file it names', () => {
  const page = readFileSync(join(root, 'docs/security.md'), 'utf8');
  const tests = readdirSync(join(root, 'server/test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => ({ file, text: readFileSync(join(root, 'server/test', file), 'utf8') }));
  const cases = [...page.matchAll(/^\| (C\d\d) \| [^|]+ \| ([^|]+) \|$/gm)];
  assert.equal(cases.length, 25);
  for (const [, id = '', where = ''] of cases) {
    if (where.startsWith('owed')) continue;
    const file = /^`([\w/-]+\.test\.ts)`/.exec(where)?.[1];
    const named = tests.filter(({ text }) => text.includes(`test('${id} `)).map((each) => each.file);
    assert.deepEqual(named, [file], id);
  }
});

test('every test and file that the security page names exists', () => {
  const page = readFileSync(join(root, 'docs/security.md'), 'utf8');
  const named = [...page.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = '']) =>
    name.includes('/') ? name : `server/test/${name}`,
  );
  assert.ok(named.length > 50);
  assert.deepEqual(
    named.filter((name) => !exists(join(root, name))),
    [],
  );
});
