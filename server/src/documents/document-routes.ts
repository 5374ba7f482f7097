import type { FastifyRequest } from 'fastify';
import { type Static, Type } from '#typebox';
import { AppError } from '../app-error.ts';
import { principalOf } from '../http/authentication.ts';
import type { HttpServer } from '../http/server.ts';
import { answerUnreadBodies, bodyOf } from '../http/unread-body.ts';
import { decodeCursor, encodeCursor } from '../page-cursor.ts';
import { contentRoutes } from './content-routes.ts';
import {
  CreatedDocument,
  DocumentList,
  DocumentParams,
  documentAnswer,
  jsonMaxBytes,
  ListQuery,
  TextUpload,
  TitleChange,
  toAnswer,
  uploadRequestBody,
} from './document-schema.ts';
import type { Documents, ReceiveUpload } from './documents.ts';
import { entityTag } from './entity-tag.ts';
import { filenameOfTitle } from './filename.ts';
import { IfMatch, ifMatch } from './if-match.ts';
import { formOverheadBytes, receiveForm } from './upload-form.ts';
import { refuseLongBody } from './upload-limit.ts';

const tags = ['Documents'];
const path = '/api/v1/documents/';

/** Everything on documents, with either scheme. Call on a server of its own: it adds body parsers and hooks. */
export function documentRoutes(server: HttpServer, documents: Documents, publicUrl: string): void {
  answerUnreadBodies(server);
  server.register(async (raw) => contentRoutes(raw, documents));
  // The handler reads the form while it arrives.
  server.addContentTypeParser('multipart/form-data', (_request, _payload, done) => done(null, null));

  server.get(
    '/documents/',
    {
      config: { access: 'both' },
      schema: {
        operationId: 'listDocuments',
        summary: 'List or search documents',
        tags,
        querystring: ListQuery,
        response: { 200: DocumentList },
      },
      // `toAnswer` has picked the fields. A serialiser made from the schema joins a page out of a thousand strings, which
      // takes three times as long.
      serializerCompiler: () => (page) => JSON.stringify(page),
    },
    async (request, reply) => {
      const { q = '', limit, cursor } = request.query;
      const after = decodeCursor(cursor, 'doc');
      const { items, next } = await documents.list(principalOf(request).accountId, q, limit, after);
      const nextCursor = next && encodeCursor(next);
      if (nextCursor !== null) {
        const query = new URLSearchParams({ ...(q !== '' && { q }), limit: String(limit), cursor: nextCursor });
        reply.header('Link', `<${publicUrl}${path}?${query}>; rel="next"`);
      }
      return { items: items.map(toAnswer), next_cursor: nextCursor };
    },
  );

  server.post(
    '/documents/',
    {
      config: {
        access: 'both',
        errors: ['idempotency_in_progress', 'idempotency_key_reused', 'quota_exceeded', 'content_too_large'],
        openapi: { requestBody: uploadRequestBody },
      },
      bodyLimit: jsonMaxBytes,
      schema: {
        operationId: 'createDocument',
        summary: 'Upload a document',
        description:
          'As a form with a file, or as JSON with text. With an Idempotency-Key, the same request sent again within 24 hours gets the first answer again instead of a second document.',
        tags,
        headers: Type.Object({
          'idempotency-key': Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 255,
              pattern: '^[\\x21-\\x7e]*$',
              description: 'Any name that your program gives to this one upload, such as a UUID.',
            }),
          ),
        }),
        body: { content: { 'application/json': { schema: TextUpload } } },
        response: { 201: CreatedDocument },
      },
      errorHandler(error) {
        if ((error as { code?: string }).code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
        const detail = `A JSON body may have ${jsonMaxBytes} bytes; send a longer document as multipart/form-data.`;
        throw new AppError('content_too_large', { detail });
      },
    },
    async (request, reply) => {
      const key = request.headers['idempotency-key'] ?? null;
      const receive = receiveUpload(request, documents.maxDocumentBytes);
      const document = await documents.create(principalOf(request).accountId, key, receive);
      reply.code(201).headers({ Location: `${path}${document.id}`, ETag: entityTag(document.sha256) });
      return toAnswer(document);
    },
  );

  server.get(
    '/documents/:id',
    {
      config: { access: 'both' },
      schema: {
        operationId: 'getDocument',
        summary: 'What is known of a document',
        tags,
        params: DocumentParams,
        response: { 200: documentAnswer('The document.') },
      },
    },
    async (request) => toAnswer(await documents.get(principalOf(request).accountId, request.params.id)),
  );

  server.patch(
    '/documents/:id',
    {
      config: { access: 'both', errors: ['precondition_failed'] },
      schema: {
        operationId: 'updateDocument',
        summary: 'Change a document’s title',
        tags,
        params: DocumentParams,
        headers: IfMatch,
        body: TitleChange,
        response: { 200: documentAnswer('The document.') },
      },
    },
    async (request) => {
      const { accountId } = principalOf(request);
      return toAnswer(
        await documents.rename(accountId, request.params.id, request.body.title, ifMatch(request.headers)),
      );
    },
  );

  server.delete(
    '/documents/:id',
    {
      config: { access: 'both', errors: ['precondition_failed'] },
      schema: {
        operationId: 'deleteDocument',
        summary: 'Delete a document',
        tags,
        params: DocumentParams,
        headers: IfMatch,
        response: { 204: Type.Null({ description: 'It is gone.' }) },
      },
    },
    async (request, reply) => {
      await documents.delete(principalOf(request).accountId, request.params.id, ifMatch(request.headers));
      return reply.code(204).send(null);
    },
  );
}

/** Returns the reader of whichever body a POST carries. Throws `content_too_large`, `unsupported_media_type`. */
function receiveUpload(request: FastifyRequest, maxDocumentBytes: number): ReceiveUpload {
  if (request.mediaType === 'multipart/form-data') {
    refuseLongBody(request.headers['content-length'], maxDocumentBytes, { overheadBytes: formOverheadBytes });
    return receiveForm(bodyOf(request), request.headers['content-type'] ?? '', maxDocumentBytes);
  }
  if (request.mediaType !== 'application/json') {
    throw new AppError('unsupported_media_type', { detail: 'Send multipart/form-data or application/json.' });
  }
  const { title, content, content_type = 'text/plain; charset=utf-8' } = request.body as Static<typeof TextUpload>;
  return async (keep) => {
    await keep(onePiece(Buffer.from(content)));
    return { title, filename: filenameOfTitle(title), contentType: content_type };
  };
}

async function* onePiece(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
