// Renders the guide: docs/*.md to pages in dist/, /llms.txt, and what they load. The server puts its own public URL in
// the place of the samples' address as it starts.

import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contents, entries } from './contents.ts';
import { escapeHtml } from './html.ts';
import { type Rendered, renderMarkdown } from './markdown.ts';
import { referenceText } from './reference.ts';
import { type Assets, renderPage } from './template.ts';

const here = import.meta.dirname;
const guide = join(here, '..');
const dashboard = join(here, '../../dashboard/src/app');
const output = join(here, 'dist');
const about = 'A self-hosted document API with accounts: API keys and Bearer tokens on the same endpoints.';

const written = readdirSync(guide)
  .filter((name) => name.endsWith('.md'))
  .map((name) => name.slice(0, -'.md'.length));
const listed = entries.map(({ name }) => name).filter((name) => name !== 'api');
const strays = [...new Set(written).symmetricDifference(new Set(listed))];
if (strays.length > 0) throw new Error(`In docs/ or in contents.ts, but not in both: ${strays.join(', ')}`);

rmSync(output, { recursive: true, force: true });
mkdirSync(join(output, 'assets'), { recursive: true });
const assets: Assets = {
  style: writeAsset('site.css', palette() + readFileSync(join(here, 'site.css'), 'utf8')),
  script: writeAsset('site.js', readFileSync(join(here, 'site.js'), 'utf8')),
  icon: writeAsset('icon.svg', readFileSync(join(dashboard, 'icon.svg'), 'utf8')),
};

const rendered = await Promise.all(
  listed.map(async (name) => ({ name, ...(await renderMarkdown(readFileSync(join(guide, `${name}.md`), 'utf8'))) })),
);
const titles = new Map([
  ['/docs/', 'Guide'],
  ['/docs/api', 'API reference'],
  ...rendered.map(({ name, title }): [string, string] => [`/docs/${name}`, title]),
]);
for (const { name, ...page } of rendered) writePage(name, page);
const index = { path: '/docs/', title: 'Guide', about, html: contentsPage(), headings: [], markdown: null };
write('index.html', renderPage(index, titles, assets));
write('llms.txt', llmsText());
// Last: it asks the server, which does not start without its pages.
const reference = referenceText();
write('api.md', reference);
writePage('api', await renderMarkdown(reference));

function writePage(name: string, page: Rendered): void {
  const path = `/docs/${name}`;
  const about = entries.find((entry) => entry.name === name)?.about ?? '';
  write(`${name}.html`, renderPage({ ...page, about, path, markdown: `${path}.md` }, titles, assets));
}

function write(name: string, text: string): void {
  writeFileSync(join(output, name), text);
}

/** Writes a file under a name with its content's digest. Returns its address. */
function writeAsset(name: string, text: string): string {
  const [stem, ending] = name.split('.');
  const full = `${stem}-${hash('sha256', text, 'hex').slice(0, 12)}.${ending}`;
  write(`assets/${full}`, text);
  return `/docs/assets/${full}`;
}

/** The dashboard's own colours and fonts, so that both stay one. */
function palette(): string {
  const lines = readFileSync(join(dashboard, 'theme.css'), 'utf8').match(/^ {2}--(?:color|font)-[\w-]+: .*;$/gm) ?? [];
  if (lines.length < 20) throw new Error('The palette of dashboard/src/app/theme.css has moved.');
  return `:root {\n${lines.join('\n')}\n}\n`;
}

function contentsPage(): string {
  const sections = contents.map(({ title, entries }) => {
    const items = entries.map(
      ({ name, about }) => `<li><a href="/docs/${name}">${titles.get(`/docs/${name}`)}</a>: ${escapeHtml(about)}</li>`,
    );
    return `<h2>${title}</h2>\n<ul>${items.join('\n')}</ul>`;
  });
  return `<h1>Guide</h1>
<p>Inksong keeps documents for accounts. Programs send a long-lived key in <code>X-API-Key</code>, people’s browsers a short-lived token in <code>Authorization: Bearer</code>; the endpoints are the same. A rotated key or an ended session is refused on the next request.</p>
${sections.join('\n')}
<p>For programs: <a href="/openapi.json">the OpenAPI document</a>, and this guide as plain text by <a href="/llms.txt">its index</a>.</p>
`;
}

/** The guide's index in the form of llms.txt: a title, a summary, and lists of links. */
function llmsText(): string {
  const base = 'http://localhost:8080';
  const sections = contents.map(({ title, entries }) => {
    const items = entries.map(
      ({ name, about }) => `- [${titles.get(`/docs/${name}`)}](${base}/docs/${name}.md): ${about}`,
    );
    return `## ${title}\n\n${items.join('\n')}`;
  });
  return `# Inksong

> ${about}

Send a key in \`X-API-Key\` from programs, or an access token in \`Authorization: Bearer\` for a signed-in person; never
both. Every refusal is \`application/problem+json\` with a stable \`code\`. A 401 means that the credential is worth
nothing, a 503 that the server could not find out: keep it, and try again after \`Retry-After\`.

${sections.join('\n\n')}

## Reference

- [OpenAPI 3.1](${base}/openapi.json): every operation, generated from the routes of this server
`;
}
