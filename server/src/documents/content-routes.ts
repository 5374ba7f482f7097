import { create as contentDisposition } from 'content-disposition';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from '#typebox';
import { AppError } from '../app-error.ts';
import { principalOf } from '../http/authentication.ts';
import { closedPolicy } from '../http/security-headers.ts';
import type { HttpServer } from '../http/server.ts';
import { bodyOf } from '../http/unread-body.ts';
import { type ByteRange, parseRange } from './content-range.ts';
import type { DocumentView } from './document.ts';
import { anyBytes, DocumentParams, ReplacedDocument, toAnswer } from './document-schema.ts';
import type { Documents } from './documents.ts';
import { entityTag, matchesWeakly } from './entity-tag.ts';
import { IfMatch, ifMatch } from './if-match.ts';
import { toMediaType } from './media-type.ts';

const url = '/documents/:id/content';
const tags = ['Documents'];

const headerText = (description: string) => ({ type: 'string', description });
const bytesHeaders = {
  ETag: headerText('The SHA-256 of the bytes, in quotes.'),
  'Content-Disposition': headerText('Always an attachment, with the file’s name (RFC 6266).'),
  'Accept-Ranges': headerText('`bytes`'),
};

/** A document's bytes. Call on a server of its own: here every body is taken as it is. */
export function contentRoutes(server: HttpServer, documents: Documents): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null, null));

  const conditions = Type.Object({
    'if-none-match': Type.Optional(Type.String({ description: 'ETags of bytes that need not be sent again.' })),
    range: Type.Optional(Type.String({ description: 'One range of bytes; several are answered with all bytes.' })),
    'if-range': Type.Optional(Type.String({ description: 'The ETag that Range is about.' })),
  });
  server.get(
    url,
    {
      config: { access: 'both', errors: ['range_not_satisfiable'] },
      exposeHeadRoute: false,
      schema: {
        operationId: 'getDocumentContent',
        summary: 'Download a document',
        tags,
        params: DocumentParams,
        headers: conditions,
        response: {
          200: { description: 'The bytes.', headers: bytesHeaders, content: anyBytes },
          206: {
            description: 'The range asked for.',
            headers: { ...bytesHeaders, 'Content-Range': headerText('Which bytes of how many.') },
            content: anyBytes,
          },
          304: Type.Null({ description: 'The caller has these bytes.', headers: { ETag: bytesHeaders.ETag } }),
        },
      },
    },
    (request, reply) => sendContent(documents, request.params.id, request, reply),
  );
  // Of its own, because the framework's would read the whole document to throw it away.
  server.head(url, { config: { access: 'both' }, schema: { params: DocumentParams, hide: true } }, (request, reply) =>
    sendContent(documents, request.params.id, request, reply),
  );

  server.put(
    url,
    {
      config: {
        access: 'both',
        errors: ['precondition_failed', 'content_too_large', 'quota_exceeded'],
        openapi: { requestBody: { required: true, content: anyBytes } },
      },
      schema: {
        operationId: 'replaceDocumentContent',
        summary: 'Replace a document’s bytes',
        description:
          'The body is stored as it is, its Content-Type too. All or nothing: a broken upload changes nothing.',
        tags,
        params: DocumentParams,
        headers: IfMatch,
        response: { 200: ReplacedDocument },
      },
      // A type that is none must not make the framework refuse the bytes.
      onRequest: async ({ headers }) => {
        headers['content-type'] = toMediaType(headers['content-type']);
      },
    },
    async (request, reply) => {
      const { headers } = request;
      // Part of the bytes must not be taken for all of them (RFC 9110 section 14.5).
      if (headers['content-range'] !== undefined) {
        throw new AppError('invalid_request', { detail: 'Send all bytes, without Content-Range.' });
      }
      const { accountId } = principalOf(request);
      const document = await documents.replaceContent(
        accountId,
        request.params.id,
        {
          contentType: toMediaType(headers['content-type']),
          bytes: bodyOf(request),
          contentLength: headers['content-length'],
        },
        ifMatch(headers),
      );
      reply.header('ETag', entityTag(document.sha256));
      return toAnswer(document);
    },
  );
}

/** Evaluates conditions in the order of RFC 9110 section 13.2.2, then sends all bytes, a range, or only the head. */
async function sendContent(
  documents: Documents,
  id: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { document, read } = await documents.open(principalOf(request).accountId, id);
  reply.headers({
    ETag: entityTag(document.sha256),
    'Accept-Ranges': 'bytes',
    'Content-Disposition': contentDisposition(document.filename),
    // Bytes of strangers: never a page of this origin, whatever their type.
    'Content-Security-Policy': `sandbox; default-src 'none'; ${closedPolicy}`,
  });
  const known = request.headers['if-none-match'];
  if (known !== undefined && matchesWeakly(known, document.sha256)) return reply.code(304).send();

  const range = request.method === 'GET' ? requestedRange(request, document) : null;
  const { first, last } = range ?? { first: 0, last: document.size - 1 };
  reply.type(document.content_type).header('Content-Length', String(last - first + 1));
  if (range) reply.code(206).header('Content-Range', `bytes ${first}-${last}/${document.size}`);
  if (request.method === 'HEAD' || last < first) return reply.send(Buffer.alloc(0));
  return reply.send(await read({ first, last }));
}

/** Returns the range to send, or null for all bytes. Throws `range_not_satisfiable` (RFC 9110 section 15.5.17). */
function requestedRange({ headers }: FastifyRequest, { size, sha256 }: DocumentView): ByteRange | null {
  // Another version than the one the range is about is sent whole; a date never matches, for lack of Last-Modified.
  const about = headers['if-range'];
  if (headers.range === undefined || (about !== undefined && about !== entityTag(sha256))) return null;
  const range = parseRange(headers.range, size);
  if (range !== 'unsatisfiable') return range;
  throw new AppError('range_not_satisfiable', {
    detail: `The document has ${size} bytes.`,
    headers: { 'Content-Range': `bytes */${size}` },
  });
}
