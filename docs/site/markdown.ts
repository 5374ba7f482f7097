import { Marked, type Tokens } from 'marked';
import { highlight } from './highlight.ts';
import { escapeHtml } from './html.ts';

export interface Heading {
  id: string;
  /** HTML. */
  text: string;
}

export interface Rendered {
  title: string;
  html: string;
  /** The second-level headings, in order. */
  headings: Heading[];
}

/** Renders a page of the guide. Throws when it has no title, or code in a language nobody chose a grammar for. */
export async function renderMarkdown(markdown: string): Promise<Rendered> {
  const headings: Heading[] = [];
  const ids = new Set<string>();
  let title = '';
  let heading = '';
  const marked = new Marked({
    async: true,
    async walkTokens(token) {
      if (token.type === 'code') await highlightToken(token as HighlightedCode);
    },
    renderer: {
      heading({ tokens, depth, text }) {
        const inner = this.parser.parseInline(tokens);
        heading = inner.replaceAll(/<[^>]+>/g, '');
        if (depth === 1) {
          title = heading;
          return `<h1>${inner}</h1>\n`;
        }
        const id = newId(ids, text);
        if (depth === 2) headings.push({ id, text: inner });
        return `<h${depth} id="${id}">${inner} <a class="anchor" href="#${id}" aria-label="Link to “${heading}”">#</a></h${depth}>\n`;
      },
      code(token) {
        const { html, title: language } = (token as HighlightedCode).highlighted;
        return `<div class="sample"><div class="sample-bar"><span>${language}</span><button type="button" class="copy" hidden>Copy</button></div><pre tabindex="0" role="group" aria-label="${language}: ${heading || title}"><code>${html}</code></pre></div>\n`;
      },
      table({ header, rows }) {
        const row = (cells: Tokens.TableCell[], tag: string) =>
          `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`;
        return `<div class="table" tabindex="0" role="group" aria-label="Table: ${heading || title}"><table><thead>${row(header, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('\n')}</tbody></table></div>\n`;
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        const target = pageLink(href);
        return target === null ? inner : `<a href="${escapeHtml(target)}">${inner}</a>`;
      },
      html({ text }) {
        return text.replaceAll(/<!--[\s\S]*?-->\n?/g, '');
      },
    },
  });
  const html = await marked.parse(markdown);
  if (title === '') throw new Error('A page has no title.');
  return { title, html, headings };
}

interface HighlightedCode extends Tokens.Code {
  highlighted: Awaited<ReturnType<typeof highlight>>;
}

async function highlightToken(token: HighlightedCode): Promise<void> {
  token.highlighted = await highlight(token.text, token.lang ?? '');
}

/** Returns where a link of a Markdown file leads on the site; null when that is a file which only the source has. */
function pageLink(href: string): string | null {
  if (/^(https?:|#|\/)/.test(href)) return href;
  const page = /^([\w-]+)\.md(#.*)?$/.exec(href);
  return page ? `/docs/${page[1]}${page[2] ?? ''}` : null;
}

/** Returns a heading's id as GitHub makes it, so that links between the files lead to the same place here. */
export function headingId(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function newId(taken: Set<string>, text: string): string {
  const plain = headingId(text);
  let id = plain;
  for (let count = 1; taken.has(id); count++) id = `${plain}-${count}`;
  taken.add(id);
  return id;
}
