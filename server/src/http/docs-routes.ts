import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyReply } from 'fastify';
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
 * Serves the guide: `/docs/{page}` as a page, `/docs/{page}.md` as the text it is made from, and /llms.txt. A file is read
 * when it is asked for: all of them would be a megabyte that most servers never show. Throws when the pages have not been
 * built.
 */
export function docsRoutes(server: HttpServer, publicUrl: string): void {
  if (!existsSync(new URL('index.html', built))) throw new Error('The guide is not built yet: npm run build');
  const hidden = { config: { access: 'public' }, schema: { hide: true } } as const;

  // Only what was there at the start: nobody's words reach the file system.
  const pages = new Map([...filesIn(written), ...filesIn(built)]);
  const assets = filesIn(new URL('assets/', built));

  /** Throws `not_found`. */
  async function read(files: ReadonlyMap<string, URL>, name: string): Promise<string> {
    const file = files.get(name);
    if (!file) throw new AppError('not_found');
    return (await readFile(file, 'utf8')).replaceAll(sampleUrl, publicUrl);
  }

  const sendPage = async (reply: FastifyReply, page: string) => {
    const text = await read(pages, `${page}.html`);
    return reply.type(html).header('Content-Security-Policy', policy).send(text);
  };
  server.get('/docs/', hidden, (_request, reply) => sendPage(reply, 'index'));
  server.get<{ Params: { page: string } }>('/docs/:page', hidden, async (request, reply) => {
    const { page } = request.params;
    if (!page.endsWith('.md')) return sendPage(reply, page);
    return reply.type(markdown).send(await read(pages, page));
  });
  server.get<{ Params: { file: string } }>('/docs/assets/:file', hidden, async (request, reply) => {
    const { file } = request.params;
    const type = assetTypes[file.replace(/^.*\./, '')];
    if (type === undefined) throw new AppError('not_found');
    const asset = await read(assets, file);
    // A name holds its content's digest.
    return reply.type(type).header('Cache-Control', 'public, max-age=31536000, immutable').send(asset);
  });
  server.get('/llms.txt', hidden, async (_request, reply) => reply.type(plainText).send(await read(pages, 'llms.txt')));
}

/** Returns the files of a folder by their names. */
function filesIn(folder: URL): Map<string, URL> {
  const entries = readdirSync(folder, { withFileTypes: true });
  return new Map(entries.filter((entry) => entry.isFile()).map(({ name }) => [name, new URL(name, folder)]));
}
