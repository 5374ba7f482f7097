import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../app-error.ts';
import { closedPolicy } from './security-headers.ts';
import type { HttpServer } from './server.ts';

const dashboard = new URL('../../../dashboard/', import.meta.url);
const docs = new URL('../../../docs/', import.meta.url);

/** Serves the start page at `/`, its examples for this server's own URL, and the guide's pages, as the plain text they are written in, at `/docs/{page}`. */
export function pageRoutes(server: HttpServer, publicUrl: string): void {
  const startPage = readFileSync(new URL('index.html', dashboard), 'utf8').replaceAll(
    'http://localhost:8080',
    publicUrl,
  );
  const policy = contentSecurityPolicy(startPage);
  const guide = new Map(
    readdirSync(docs)
      .filter((name) => name.endsWith('.md'))
      .map((name) => [name.slice(0, -'.md'.length), readFileSync(new URL(name, docs), 'utf8')]),
  );
  const contents = `${[...guide.keys()].map((page) => `/docs/${page}`).join('\n')}\n`;
  const hidden = { config: { access: 'public' }, schema: { hide: true } } as const;

  server.get('/', hidden, (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('Content-Security-Policy', policy).send(startPage),
  );
  server.get('/docs/', hidden, (_request, reply) => reply.type('text/plain; charset=utf-8').send(contents));
  server.get<{ Params: { page: string } }>('/docs/:page', hidden, (request, reply) => {
    const page = guide.get(request.params.page.replace(/\.md$/, ''));
    if (page === undefined) throw new AppError('not_found');
    return reply.type('text/plain; charset=utf-8').send(page);
  });
}

/** Allows the page's own inline style and nothing else. */
function contentSecurityPolicy(html: string): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? '';
  return `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; ${closedPolicy}`;
}
