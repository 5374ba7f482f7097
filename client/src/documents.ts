import { type Api, bodyOf } from './api.ts';
import type { UploadProgress } from './exchange.ts';
import type { operations } from './openapi-types.ts';
import { allItems } from './pages.ts';
import { uploadForm } from './upload-form.ts';

export type Document = operations['getDocument']['responses'][200]['content']['application/json'];
export type DocumentPage = operations['listDocuments']['responses'][200]['content']['application/json'];

export interface DocumentQuery {
  /** Part of the title, in any letter case. */
  q?: string | undefined;
  /** How many at a time: 1 to 100, by default 20. */
  limit?: number | undefined;
}

export interface NewDocument {
  title: string;
  content: string;
  /** By default `text/plain; charset=utf-8`. */
  contentType?: string | undefined;
  /** Any name for this one upload, such as a UUID: sent again within 24 hours, it makes no second document. */
  idempotencyKey?: string | undefined;
}

interface Sending {
  file: Blob;
  onProgress?: ((progress: UploadProgress) => void) | undefined;
  /** Aborting it cancels the upload; nothing of it is kept. */
  signal?: AbortSignal | undefined;
}

export interface NewUpload extends Sending {
  /** By default the file's own name. */
  filename?: string | undefined;
  /** By default the file's name. */
  title?: string | undefined;
  idempotencyKey?: string | undefined;
}

export interface Replacement extends Sending {
  /** The ETag of the bytes that are to be replaced; when others are there by now, `precondition_failed`. */
  ifMatch?: string | undefined;
}

const collection = '/api/v1/documents/';
const one = `${collection}{id}` as const;

/** An account's documents. */
export class Documents {
  readonly #api: Api;

  /** @internal */
  constructor(api: Api) {
    this.#api = api;
  }

  /** All documents, newest first; asks for the next page when it is needed. */
  list(query: DocumentQuery = {}): AsyncIterable<Document> {
    return allItems((cursor) => this.page({ ...query, cursor }));
  }

  /** One page; `next_cursor` is what to send as `cursor` for the next, null on the last. */
  page({ q, limit, cursor }: DocumentQuery & { cursor?: string | undefined } = {}): Promise<DocumentPage> {
    const query = {
      ...(q !== undefined && { q }),
      ...(limit !== undefined && { limit }),
      ...(cursor !== undefined && { cursor }),
    };
    return bodyOf(this.#api.client.GET(collection, { params: { query } }));
  }

  /** Stores a text of up to 1 MiB. */
  create({ title, content, contentType, idempotencyKey }: NewDocument): Promise<Document> {
    return bodyOf(
      this.#api.client.POST(collection, {
        params: { header: idempotencyHeader(idempotencyKey) },
        body: { title, content, ...(contentType !== undefined && { content_type: contentType }) },
      }),
    );
  }

  /** Stores a file of any type. */
  async upload({ file, filename = nameOf(file), title, idempotencyKey, ...sending }: NewUpload): Promise<Document> {
    const { body, contentType } = uploadForm(file, filename, title);
    const headers = { ...idempotencyHeader(idempotencyKey), 'Content-Type': contentType };
    return (await this.#api.upload({ ...sending, method: 'POST', path: collection, body, headers })) as Document;
  }

  get(id: string): Promise<Document> {
    return bodyOf(this.#api.client.GET(one, { params: { path: { id } } }));
  }

  rename(id: string, title: string): Promise<Document> {
    return bodyOf(this.#api.client.PATCH(one, { params: { path: { id } }, body: { title } }));
  }

  /** Replaces a document's bytes, all or nothing. */
  async replace(id: string, { file, ifMatch, ...sending }: Replacement): Promise<Document> {
    const headers = {
      'Content-Type': file.type || 'application/octet-stream',
      ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
    };
    return (await this.#api.upload({
      ...sending,
      method: 'PUT',
      path: contentPath(id),
      body: file,
      headers,
    })) as Document;
  }

  /** Returns the bytes as an answer whose body is still to be read: stream it, or `await response.blob()`. */
  download(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Response> {
    return this.#api.download(contentPath(id), signal);
  }

  async delete(id: string): Promise<void> {
    await this.#api.client.DELETE(one, { params: { path: { id } } });
  }
}

function contentPath(id: string): string {
  return `${collection}${encodeURIComponent(id)}/content`;
}

function idempotencyHeader(key: string | undefined): { 'idempotency-key'?: string } {
  return key === undefined ? {} : { 'idempotency-key': key };
}

/** A File knows its name, a Blob does not. */
function nameOf(file: Blob): string {
  return 'name' in file && typeof file.name === 'string' ? file.name : 'file';
}
