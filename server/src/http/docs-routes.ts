import { readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../app-error.ts';
import type { HttpServer } from './server.ts';

const docs = new URL('../../../docs/', import.meta.url);

/** Serves the guide's pages, as the plain text they are written in, at `/docs/{page}`. */
export function docsRoutes(server: HttpServer): void {
  const guide = new Map(
    readdirSync(docs)
      .filter((name) => name.endsWith('.md'))
      .map((name) => [name.slice(0, -'.md'.length), readFileSync(new URL(name, docs), 'utf8')]),
  );
  const contents = `${[...guide.keys()].map((page) => `/docs/${page}`).join('\n')}\n`;
  const hidden = { config: { access: 'public' }, schema: { hide: true } } as const;

  server.get('/docs/', hidden, (_request, reply) => reply.type('text/plain; charset=utf-8').send(contents));
  server.get<{ Params: { page: string } }>('/docs/:page', hidden, (request, reply) => {
    const page = guide.get(request.params.page.replace(/\.md$/, ''));
    if (page === undefined) throw new AppError('not_found');
    return reply.type('text/plain; charset=utf-8').send(page);
  });
}
