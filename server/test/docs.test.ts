import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../src/app-error.ts';
import { settings } from '../src/config/settings.ts';
import { problemKinds } from '../src/http/problem.ts';
import { bootServer, temporaryDirectory } from './boot.ts';
import { Page } from './samples.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What follows after a text is generated; INKSONG_TEST_WRITE=1 writes it anew. */
function checkEnd(file: string, text: string, generated: string): void {
  const path = join(root, file);
  const [before, after] = readFileSync(path, 'utf8').split(text);
  assert.ok(after !== undefined, `${file} lacks ${text}`);
  const wanted = before + text + generated;
  if (process.env.INKSONG_TEST_WRITE === '1') writeFileSync(path, wanted);
  assert.equal(readFileSync(path, 'utf8'), wanted, `${file} has drifted; INKSONG_TEST_WRITE=1 npm test writes it anew`);
}

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

test('the examples guard by the configurations of the guide: only names, ports and TLS differ', () => {
  const guide = new Page('docs/forward-auth.md');
  const tls = /listen 443 ssl;\n.*ssl_certificate_key [^\n]*\n/s;
  const nginx = guide.take('nginx', 'nginx').code.replace(tls, 'listen 127.0.0.1:8000;\n');
  checkEnd('examples/nginx/nginx.conf', '    scgi_temp_path scgi;\n\n', `${nginx.replace(/^(?=.)/gm, '    ')}}\n`);
  const caddy = guide.take('Caddy', 'caddy').code.replace('orders.example.com {', 'http://:8000 {\n\tbind 127.0.0.1');
  checkEnd('examples/caddy/Caddyfile', '\tadmin off\n}\n\n', caddy);
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
    const text = await fetch(`${server.url}/docs/${name}.md`);
    assert.equal(text.status, 200, name);
    assert.match(text.headers.get('content-type') ?? '', /^text\/markdown; charset=utf-8$/);
    const source = readFileSync(join(root, page), 'utf8');
    assert.equal(await text.text(), source.replaceAll('http://localhost:8080', server.config.publicUrl));
    const html = await fetch(`${server.url}/docs/${name}`);
    assert.equal(html.status, 200, name);
    assert.match(html.headers.get('content-type') ?? '', /^text\/html; charset=utf-8$/);
    const title = /^# (.*)$/m.exec(source)?.[1];
    assert.ok((await html.text()).includes(`<h1>${title}</h1>`), name);
  }
  assert.equal((await fetch(`${server.url}/docs/..%2fREADME`)).status, 404);
  assert.equal((await fetch(`${server.url}/docs/nothing`)).status, 404);

  const { json } = await server.call('GET', '/me');
  const [address = '', anchor] = json.type.split('#');
  const explained = await fetch(address.replace(server.config.publicUrl, server.url));
  const page = await explained.text();
  assert.ok(page.includes(`id="${anchor}"`));
  for (const code of Object.keys(problemKinds)) assert.ok(page.includes(`id="${code}"`), code);
});

test('the guide names the server by its own public URL, in pages, texts and samples alike', async (t) => {
  const server = await bootServer(t, { INKSONG_PUBLIC_URL: 'https://ink.example.com' });
  for (const path of [
    '/docs/',
    '/docs/api',
    '/docs/api.md',
    ...list('docs').flatMap((page) => [`/${page}`, `/${page.replace(/\.md$/, '')}`]),
  ]) {
    const text = await (await fetch(server.url + path)).text();
    const source = join(root, 'docs', `${path.replace(/^\/docs\/|\.md$/g, '') || 'none'}.md`);
    const wanted = existsSync(source) ? readFileSync(source, 'utf8').split('http://localhost:8080').length - 1 : 0;
    assert.doesNotMatch(text, /http:\/\/localhost:8080/, path);
    assert.ok(text.split('https://ink.example.com').length - 1 >= wanted, path);
  }
});

test('the API reference has every operation, with its access, parameters, fields and refusals', async (t) => {
  const server = await bootServer(t);
  const reference = await (await fetch(`${server.url}/docs/api.md`)).text();
  const { paths } = server.app.swagger() as unknown as { paths: Record<string, Record<string, ReferenceOperation>> };
  const parts = new Map(
    reference.split(/^### /m).map((part): [string, string] => [/^`([A-Z]+ \/.*)`$/m.exec(part)?.[1] ?? '', part]),
  );
  let count = 0;
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path}`;
      const part = parts.get(name) ?? '';
      assert.ok(part.startsWith(`${operation.summary}\n`), `${name} is missing or old: npm run build`);
      assert.ok(part.includes(operation.description ?? ''), name);
      const schemes = operation.security.flatMap(Object.keys);
      assert.equal(
        part.includes('**Access:** an API key in `X-API-Key`, or a Bearer token.'),
        schemes.length === 2,
        name,
      );
      assert.equal(part.includes('**Access:** anybody.'), schemes.length === 0, name);
      const bodies = Object.values(operation.requestBody?.content ?? {});
      const fields = bodies.flatMap(({ schema }) => Object.keys(schema?.properties ?? {}));
      const parameters = (operation.parameters ?? []).map((parameter) => parameter.name);
      for (const field of [...fields, ...parameters])
        assert.ok(part.includes(`\n| \`${field}\` |`), `${name} ${field}`);
      for (const [status, { description }] of Object.entries(operation.responses)) {
        assert.ok(
          part.includes(Number(status) < 400 ? `**Answer ${status}**` : `\n| ${status} |`),
          `${name} ${status}`,
        );
        if (Number(status) < 400) continue;
        for (const [, code] of description.matchAll(/`(\w+)`:/g)) assert.ok(part.includes(`errors.md#${code})`), name);
      }
      count += 1;
    }
  }
  assert.equal(count, [...parts.keys()].filter((name) => name !== '').length);
});

interface ReferenceOperation {
  summary: string;
  description?: string;
  security: object[];
  parameters?: { name: string }[];
  requestBody?: { content: Record<string, { schema?: { properties?: object } }> };
  responses: Record<string, { description: string }>;
}

test('every link of the guide leads somewhere, to the very heading or row', async (t) => {
  const server = await bootServer(t);
  const index = await fetch(`${server.url}/llms.txt`);
  assert.match(index.headers.get('content-type') ?? '', /^text\/plain; charset=utf-8$/);
  const listed = [...(await index.text()).matchAll(/\]\((.*?)\)/g)].map(([, link = '']) => link);
  assert.ok(listed.every((link) => link.startsWith(`${server.config.publicUrl}/`)));
  for (const page of list('docs')) assert.ok(listed.includes(`${server.config.publicUrl}/${page}`), page);

  const wanted = ['/docs/', ...listed.map((link) => link.replace(server.config.publicUrl, ''))];
  const texts = new Map<string, string>();
  const dead: string[] = [];
  for (const link of wanted) {
    const { origin, pathname, hash } = new URL(link, server.url);
    if (origin !== server.url) continue;
    let text = texts.get(pathname);
    if (text === undefined) {
      const answer = await fetch(server.url + pathname);
      text = answer.status === 200 ? await answer.text() : '';
      texts.set(pathname, text);
      if (answer.status !== 200) dead.push(link);
      const base = new URL(pathname, server.url);
      const isPage = /^text\/html/.test(answer.headers.get('content-type') ?? '') && pathname.startsWith('/docs/');
      if (isPage) {
        assert.equal(
          answer.headers.get('content-security-policy'),
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
        );
        assert.doesNotMatch(text, / style="| on[a-z]+="|<style/);
        for (const [, target = ''] of text.matchAll(/ (?:href|src)="([^"]*)"/g))
          wanted.push(new URL(target, base).href);
      }
      // The links of a text lead to texts.
      if (pathname.endsWith('.md')) {
        for (const [, target = ''] of text.matchAll(/\]\(([^)]+\.md)[^)]*\)/g)) wanted.push(new URL(target, base).href);
      }
    }
    if (hash !== '' && !text.includes(`id="${hash.slice(1)}"`)) dead.push(link);
  }
  assert.deepEqual(dead, []);
  for (const page of list('docs')) assert.ok(texts.has(`/${page.replace(/\.md$/, '')}`), `nothing leads to ${page}`);
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

test('the guide is built alike whatever settings stand in the folder where that is done', (t) => {
  const folder = temporaryDirectory(t);
  writeFileSync(join(folder, '.env'), 'INKSONG_PUBLIC_URL=https://other.example.com\nINKSONG_NONSENSE=1\n');
  const reference = join(root, 'docs/site/reference.ts');
  const code = `import { referenceText } from ${JSON.stringify(reference)}; process.stdout.write(referenceText());`;
  const text = execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.match(text, /^# API reference/);
  assert.doesNotMatch(text, /other\.example\.com/);
});
