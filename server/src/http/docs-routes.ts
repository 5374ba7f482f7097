import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../app-error.ts';
import { closedPolicy } from './security-headers.ts';
import type { HttpServer } from './server.ts';

const written = new URL('../../../docs/', import.meta.url);
const built = new URL('site/dist/', written);

/** What the pages call the server; readers are shown its public URL instead. */
const sampleUrl = 'http://localhost:8080';

const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ${closedPolicy}`;
const html = 'text/html; charset=utf-8';
const plainText = 'text/plain; charset=utf-8';
const markdown = 'text/markdown; charset=utf-8';
const assetTypes: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml; charset=utf-8',
};

/**
 * Serves the guide: `/docs/{page}` as a page, `/docs/{page}.md` as the text it is made from, and /llms.txt. All of it is
 * read once. Throws when the pages have not been built.
 */
export function docsRoutes(server: HttpServer, publicUrl: string): void {
  if (!existsSync(new URL('index.html', built))) throw new Error('The guide is not built yet: npm run build');
  const read = (folder: URL, ending: string) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .map((name): [string, string] => [
        name,
        readFileSync(new URL(name, folder), 'utf8').replaceAll(sampleUrl, publicUrl),
      ]);
  const pages = new Map([...read(built, '.html'), ...read(built, '.md'), ...read(written, '.md')]);
  const assets = new Map(read(new URL('assets/', built), ''));
  const [[, index = ''] = []] = read(built, 'llms.txt');
  const hidden = { config: { access: 'public' }, schema: { hide: true } } as const;

  server.get('/docs/', hidden, (_request, reply) =>
    reply.type(html).header('Content-Security-Policy', policy).send(pages.get('index.html')),
  );
  server.get<{ Params: { page: string } }>('/docs/:page', hidden, (request, reply) => {
    const { page } = request.params;
    const text = page.endsWith('.md') ? pages.get(page) : pages.get(`${page}.html`);
    if (text === undefined) throw new AppError('not_found');
    if (page.endsWith('.md')) return reply.type(markdown).send(text);
    return reply.type(html).header('Content-Security-Policy', policy).send(text);
  });
  server.get<{ Params: { file: string } }>('/docs/assets/:file', hidden, (request, reply) => {
    const { file } = request.params;
    const asset = assets.get(file);
    const type = assetTypes[file.replace(/^.*\./, '')];
    if (asset === undefined || type === undefined) throw new AppError('not_found');
    // A name holds its content's digest.
    return reply.type(type).header('Cache-Control', 'public, max-age=31536000, immutable').send(asset);
  });
  server.get('/llms.txt', hidden, (_request, reply) => reply.type(plainText).send(index));
}
