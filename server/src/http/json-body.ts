import type { FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';
import type { HttpServer } from './server.ts';

/**
 * Makes JSON the only body a route reads unless its room adds another parser (RFC 8259: UTF-8).
 * An empty or missing body is `{}`; a compressed one, or another charset, is refused.
 */
export function parseJsonBodies(server: HttpServer): void {
  const parseJson = server.getDefaultJsonParser('error', 'error');
  const utf8 = new TextDecoder('utf-8', { fatal: true });

  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (/;\s*charset=(?!"?utf-?8"?\s*(;|$))/i.test(request.headers['content-type'] ?? '')) {
      return done(new AppError('unsupported_media_type', { detail: 'JSON is read as UTF-8.' }));
    }
    if (body.length === 0) return done(null, {});
    let text: string;
    try {
      text = utf8.decode(body as Buffer);
    } catch {
      return done(new AppError('invalid_request', { detail: 'The body is not valid UTF-8.' }));
    }
    void parseJson(request, text, (error, value) =>
      error ? done(new AppError('invalid_request', { detail: faultOf(text) })) : done(null, value),
    );
  });
  // Before parsing, but after it is known who asks. Neither hook waits for anything, so neither makes a promise.
  server.addHook('preParsing', (request, _reply, payload, done) => {
    const encoding = request.headers['content-encoding'];
    if (!isBodyIgnored(request) && encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      return done(new AppError('unsupported_media_type', { detail: 'Send the body uncompressed.' }));
    }
    done(null, payload);
  });
  // Without a content type there is nothing to parse, so that a call may leave out a body that is all optional.
  server.addHook('preValidation', (request, _reply, done) => {
    if (!isBodyIgnored(request) && request.body === undefined && request.routeOptions.schema?.body) request.body = {};
    done();
  });
}

/** What comes with these methods is never read; a proxy that asks may just have copied its client's headers. */
function isBodyIgnored({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Returns what is wrong with a text that the parser refused: it also refuses names that could reach an object's prototype. */
function faultOf(text: string): string {
  try {
    JSON.parse(text);
    return 'No field may be called "__proto__", or "constructor" with a "prototype" in it.';
  } catch {
    return 'The body is not valid JSON.';
  }
}
