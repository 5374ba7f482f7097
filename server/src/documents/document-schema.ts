import { Type } from '#typebox';
import { isoTime } from '../clock.ts';
import { Timestamp } from '../http/timestamp.ts';
import { idPattern } from '../id.ts';
import { type DocumentView, lineOfTextPattern, titleMaxLength } from './document.ts';
import { mediaTypePattern } from './media-type.ts';

/** JSON bodies are parsed at one go, so they are kept short; a longer document is sent as multipart, which streams. */
export const jsonMaxBytes = 1024 * 1024;

export const DocumentParams = Type.Object({ id: Type.String({ pattern: idPattern('doc') }) });

const Title = Type.String({
  minLength: 1,
  maxLength: titleMaxLength,
  pattern: lineOfTextPattern,
  description: 'No control characters.',
});

const DocumentProperties = {
  id: Type.String({ pattern: idPattern('doc') }),
  title: Type.String(),
  filename: Type.String(),
  content_type: Type.String(),
  size: Type.Integer({ minimum: 0, description: 'Bytes.' }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the bytes; in quotes, it is their ETag.' }),
  created_at: Timestamp,
  updated_at: Timestamp,
};

const exampleDocument = {
  id: 'doc_9f86d081884c7d659a2feaa0c55ad015',
  title: 'Minutes of March',
  filename: 'minutes.md',
  content_type: 'text/markdown',
  size: 5,
  sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
  created_at: '2026-01-31T12:00:00.000Z',
  updated_at: '2026-01-31T12:00:00.000Z',
};

const ETag = { type: 'string', description: 'Of the document’s bytes; send it back in If-Match.' };

/** @param headers JSON Schemas of response headers; the OpenAPI plugin turns them into header objects */
export function documentAnswer(description: string, headers?: Record<string, object>) {
  return Type.Object(DocumentProperties, {
    description,
    additionalProperties: false,
    examples: [exampleDocument],
    ...(headers && { headers }),
  });
}

export const CreatedDocument = documentAnswer('The new document.', {
  Location: { type: 'string', description: 'Where the document is.' },
  ETag,
});
export const ReplacedDocument = documentAnswer('The document with its new bytes.', { ETag });

export const DocumentList = Type.Object(
  {
    items: Type.Array(Type.Object(DocumentProperties, { additionalProperties: false })),
    next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page.' }),
  },
  {
    description: 'One page of documents, newest first.',
    additionalProperties: false,
    headers: { Link: { type: 'string', description: 'RFC 8288: the next page, as `rel="next"`.' } },
    examples: [{ items: [exampleDocument], next_cursor: null }],
  },
);

export const ListQuery = Type.Object({
  q: Type.Optional(
    Type.String({ maxLength: 200, pattern: lineOfTextPattern, description: 'Part of the title, in any letter case.' }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
});

export const TitleChange = Type.Object(
  { title: Title },
  { additionalProperties: false, examples: [{ title: 'Minutes of April' }] },
);

const exampleUpload = { title: 'Minutes of March', content: '# March\n', content_type: 'text/markdown' };

export const TextUpload = Type.Object(
  {
    title: Title,
    content: Type.String({
      pattern: '^[^\\p{Cs}]*$',
      description: 'Text, stored as UTF-8. The whole body may have 1 MiB.',
    }),
    content_type: Type.Optional(Type.String({ maxLength: 255, pattern: mediaTypePattern })),
  },
  {
    additionalProperties: false,
    examples: [exampleUpload],
  },
);

/** What the routes cannot state by schema: a form is read as it streams. */
export const uploadRequestBody = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object',
        required: ['file'],
        additionalProperties: false,
        properties: {
          file: { type: 'string', format: 'binary', description: 'Exactly one file, of any type.' },
          title: { type: 'string', minLength: 1, maxLength: titleMaxLength, description: 'Default: the file’s name.' },
        },
      },
    },
    'application/json': { schema: TextUpload, example: exampleUpload },
  },
};

/** A body of any bytes. */
export const anyBytes = { '*/*': { schema: { type: 'string', format: 'binary' } } };

export function toAnswer(document: DocumentView) {
  return {
    id: document.id,
    title: document.title,
    filename: document.filename,
    content_type: document.content_type,
    size: document.size,
    sha256: document.sha256,
    created_at: isoTime(document.created_at),
    updated_at: isoTime(document.updated_at),
  };
}
