import { contents } from './contents.ts';
import { escapeHtml } from './html.ts';
import type { Heading } from './markdown.ts';

/** The addresses of what every page loads, with their digests. */
export interface Assets {
  style: string;
  script: string;
  icon: string;
}

export interface PageContent {
  /** Its address. */
  path: string;
  /** HTML, as the other titles. */
  title: string;
  about: string;
  html: string;
  headings: readonly Heading[];
  /** Where the text it is made from is served. */
  markdown: string | null;
}

/** Returns a whole page. `titles` are the pages' titles by path. */
export function renderPage(page: PageContent, titles: ReadonlyMap<string, string>, assets: Assets): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(page.about)}">
<title>${page.title} · Inksong</title>
<link rel="icon" type="image/svg+xml" href="${assets.icon}">
<link rel="stylesheet" href="${assets.style}">
<script src="${assets.script}"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<a class="wordmark" href="/docs/"><img src="${assets.icon}" alt="" width="26" height="26">Inksong <span>guide</span></a>
<button type="button" id="theme" class="quiet" hidden>Theme: <span>system</span></button>
<a class="quiet" href="/">Dashboard</a>
</header>
<div class="frame">
<details class="menu" open>
<summary>All pages</summary>
<nav aria-label="Guide">${navigation(page.path, titles)}</nav>
</details>
<main id="content" tabindex="-1">
${page.html}${neighbours(page.path, titles)}${page.markdown === null ? '' : `<p class="source"><a href="${page.markdown}">This page as Markdown</a></p>`}
</main>
${onThisPage(page.headings)}
</div>
<p id="told" role="status" class="unseen"></p>
</body>
</html>
`;
}

const sequence = ['/docs/', ...contents.flatMap(({ entries }) => entries.map(({ name }) => `/docs/${name}`))];

function navigation(current: string, titles: ReadonlyMap<string, string>): string {
  const item = (path: string) =>
    `<li><a href="${path}"${path === current ? ' aria-current="page"' : ''}>${titles.get(path)}</a></li>`;
  const sections = contents.map(
    ({ title, entries }) =>
      `<p>${title}</p><ul aria-label="${title}">${entries.map(({ name }) => item(`/docs/${name}`)).join('')}</ul>`,
  );
  return sections.join('');
}

function neighbours(current: string, titles: ReadonlyMap<string, string>): string {
  const at = sequence.indexOf(current);
  const before = at > 0 ? sequence[at - 1] : undefined;
  const after = at >= 0 ? sequence[at + 1] : undefined;
  const link = (path: string, kind: string) =>
    `<a class="${kind}" rel="${kind === 'previous' ? 'prev' : 'next'}" href="${path}"><span>${kind === 'previous' ? 'Previous' : 'Next'}</span> ${titles.get(path)}</a>`;
  const links = [before && link(before, 'previous'), after && link(after, 'next')].filter(Boolean);
  return links.length === 0 ? '' : `<nav class="neighbours" aria-label="Previous and next">${links.join('')}</nav>`;
}

function onThisPage(headings: readonly Heading[]): string {
  if (headings.length < 2) return '';
  const items = headings.map(
    ({ id, text }) => `<li><a href="#${id}">${text.replaceAll(/<\/?a\b[^>]*>/g, '')}</a></li>`,
  );
  return `<nav class="on-page" aria-label="On this page"><p>On this page</p><ul>${items.join('')}</ul></nav>`;
}
