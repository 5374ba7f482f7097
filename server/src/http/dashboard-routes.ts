import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { closedPolicy } from './security-headers.ts';
import type { HttpServer } from './server.ts';

const built = new URL('../../../dashboard/dist/', import.meta.url);

/** The addresses of the dashboard's pages: one document, whose script shows the page that the address names. */
const pages = [
  '/',
  '/sign-in',
  '/sign-up',
  '/forgot-password',
  '/reset-password',
  '/verify-email',
  '/api-key',
  '/documents',
  '/sessions',
  '/activity',
  '/account',
];

/** Serves the dashboard. Throws when it has not been built. */
export async function dashboardRoutes(server: HttpServer): Promise<void> {
  const index = new URL('index.html', built);
  if (!existsSync(index)) throw new Error('The dashboard is not built yet: npm run build');
  const document = readFileSync(index, 'utf8');
  const policy = contentSecurityPolicy(document);
  const hidden = { config: { access: 'public' }, schema: { hide: true } } as const;
  const showDocument = (reply: FastifyReply) =>
    reply.type('text/html; charset=utf-8').header('Content-Security-Policy', policy);

  for (const page of pages) {
    server.get(page, hidden, (_request, reply) => showDocument(reply).send(document));
  }
  // Every answer passes here, the API's too, so it makes no promise.
  server.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode !== 404 || !isPageWanted(request)) return done(null, payload);
    showDocument(reply);
    done(null, document);
  });
  await server.register(fastifyStatic, {
    root: fileURLToPath(new URL('assets/', built)),
    serve: false,
    preCompressed: true,
    // A name holds its content's digest.
    maxAge: '1y',
    immutable: true,
  });
  server.get<{ Params: { file: string } }>('/assets/:file', hidden, (request, reply) =>
    reply.sendFile(request.params.file),
  );
}

/** Tells whether a person has opened an address (Fetch, section 3.2.1): where nothing is, they are shown a page that says so. */
function isPageWanted({ method, url, headers }: FastifyRequest): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && !url.startsWith('/api/');
}

/** Allows our own files, our own API and the document's own inline script, and nothing else. */
function contentSecurityPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, script = '']) => `'sha256-${hash('sha256', script, 'base64')}'`,
  );
  return `default-src 'none'; script-src 'self' ${scripts.join(' ')}; style-src 'self'; img-src 'self'; connect-src 'self'; ${closedPolicy}`;
}
