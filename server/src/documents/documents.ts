import { createHash, hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { AppError } from '../app-error.ts';
import type { Transaction } from '../database/database.ts';
import { newId } from '../id.ts';
import type { PageCursor } from '../page-cursor.ts';
import type { ByteRange } from './content-range.ts';
import { type DocumentDescription, type DocumentView, toSearchForm } from './document.ts';
import { limited, refuseLongBody } from './upload-limit.ts';

/** Bytes in the store that no document points at yet. */
interface StoredContent {
  versionId: string;
  /** Bytes. */
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

/** Tells whether the bytes of this SHA-256 (hex) are those that the caller expects. */
export type Precondition = (sha256: string) => boolean;

export interface DocumentPage {
  items: DocumentView[];
  /** Null on the last page. */
  next: PageCursor | null;
}

export interface DocumentStore {
  /** Newest first. `search` is in search form; '' finds all. */
  list(accountId: string, search: string, limit: number, after: PageCursor | null): Promise<DocumentPage>;
  /** Null when the account has no such document. */
  find(accountId: string, id: string): Promise<{ document: DocumentView; versionId: string } | null>;
  /** Makes a document of stored content. `alongside` runs in the same transaction. Throws `quota_exceeded`. */
  insert(
    accountId: string,
    document: DocumentDescription & { id: string; content: StoredContent },
    alongside: (trx: Transaction, document: DocumentView) => Promise<void>,
  ): Promise<DocumentView>;
  /** Null when absent. Throws `precondition_failed`. */
  rename(accountId: string, id: string, title: string, expected: Precondition): Promise<DocumentView | null>;
  /** Points a document at other content. Null when absent. Throws `precondition_failed` and `quota_exceeded`. */
  replaceContent(
    accountId: string,
    id: string,
    replacement: { contentType: string; content: StoredContent },
    expected: Precondition,
  ): Promise<DocumentView | null>;
  /** Returns whether there was one. Throws `precondition_failed`. */
  delete(accountId: string, id: string, expected: Precondition): Promise<boolean>;
}

export interface ContentStore {
  /** Stores a stream as it arrives. Throws `quota_exceeded`, and whatever the stream throws. */
  write(accountId: string, bytes: AsyncIterable<Uint8Array>): Promise<StoredContent>;
  /** Gives up content that no document points at: the next purge erases it. */
  abandon(versionId: string): Promise<void>;
  /** Returns the bytes of a range of a version, which stays whole while they are read, whatever becomes of its document. */
  read(versionId: string, range: ByteRange): Promise<Readable>;
  /** Erases the versions that nobody points at, reads or writes. */
  purge(stop?: AbortSignal): Promise<void>;
}

/** What a request with an Idempotency-Key led to. */
export interface IdempotentOutcome {
  /** SHA-256 of all that makes two requests the same, hex. */
  fingerprint: string;
  document: DocumentView;
}

/** A key on which this request alone may act, until it completes or releases it. */
export interface HeldKey {
  /** Keeps the outcome in the transaction of its effect. Throws, so that the effect is undone, when the key is no longer held. */
  complete(trx: Transaction, outcome: IdempotentOutcome): Promise<void>;
  /** Lets the next request with this key act. */
  release(): Promise<void>;
}

export interface IdempotencyStore {
  /** Throws `idempotency_in_progress` while another request holds the key. */
  claim(accountId: string, key: string): Promise<{ held: HeldKey } | { done: IdempotentOutcome }>;
  purge(stop?: AbortSignal): Promise<void>;
}

/**
 * Reads an upload: passes its bytes to `keep`, exactly once, and returns what it says about itself.
 * Whatever it throws refuses the upload.
 */
export type ReceiveUpload = (keep: (bytes: AsyncIterable<Uint8Array>) => Promise<void>) => Promise<DocumentDescription>;

export type Documents = ReturnType<typeof createDocuments>;

export function createDocuments(
  store: DocumentStore,
  contents: ContentStore,
  idempotency: IdempotencyStore,
  maxDocumentBytes: number,
) {
  async function receiveAndInsert(
    accountId: string,
    receive: ReceiveUpload,
    alongside: (trx: Transaction, outcome: IdempotentOutcome) => Promise<void>,
  ): Promise<DocumentView> {
    const received: { content?: StoredContent } = {};
    try {
      const description = await receive(async (bytes) => {
        received.content = await contents.write(accountId, limited(bytes, maxDocumentBytes));
      });
      const { content } = received;
      if (!content) throw new Error('An upload was received without its bytes.');
      const fingerprint = fingerprintOf(accountId, description, content.sha256);
      const id = newId('doc');
      return await store.insert(accountId, { id, ...description, content }, (trx, document) =>
        alongside(trx, { fingerprint, document }),
      );
    } catch (error) {
      if (received.content) await contents.abandon(received.content.versionId);
      throw error;
    }
  }

  /** Reads the upload without storing it: only so can it be told whether it is the one whose outcome is known. */
  async function repeat(accountId: string, receive: ReceiveUpload, done: IdempotentOutcome): Promise<DocumentView> {
    const sha256 = createHash('sha256');
    const description = await receive(async (bytes) => {
      for await (const piece of limited(bytes, maxDocumentBytes)) sha256.update(piece);
    });
    if (fingerprintOf(accountId, description, sha256.digest('hex')) !== done.fingerprint) {
      throw new AppError('idempotency_key_reused', { detail: 'Use a new Idempotency-Key for another document.' });
    }
    return done.document;
  }

  return {
    maxDocumentBytes,

    /** Returns the documents whose title contains `search` in any letter case, newest first, after a cursor. */
    list: (accountId: string, search: string, limit: number, after: PageCursor | null): Promise<DocumentPage> =>
      // Nearly always nothing is searched for, and Unicode's tables need not be asked about that.
      store.list(accountId, search === '' ? '' : toSearchForm(search), limit, after),

    /** Throws `not_found`, for another account's document too. */
    async get(accountId: string, id: string): Promise<DocumentView> {
      return present(await store.find(accountId, id)).document;
    },

    /** Returns a document and a function that opens a range of the very bytes it describes. Throws `not_found`. */
    async open(
      accountId: string,
      id: string,
    ): Promise<{ document: DocumentView; read: (range: ByteRange) => Promise<Readable> }> {
      const { document, versionId } = present(await store.find(accountId, id));
      return { document, read: (range) => contents.read(versionId, range) };
    },

    /**
     * Makes a document. With an idempotency key it is made once, however often and from wherever it is asked for.
     * Throws `content_too_large`, `quota_exceeded`, `idempotency_in_progress`, `idempotency_key_reused`.
     */
    async create(accountId: string, idempotencyKey: string | null, receive: ReceiveUpload): Promise<DocumentView> {
      if (idempotencyKey === null) return receiveAndInsert(accountId, receive, async () => {});
      const claim = await idempotency.claim(accountId, idempotencyKey);
      if ('done' in claim) return repeat(accountId, receive, claim.done);
      try {
        return await receiveAndInsert(accountId, receive, (trx, outcome) => claim.held.complete(trx, outcome));
      } catch (error) {
        await claim.held.release();
        throw error;
      }
    },

    /** Throws `not_found`, `precondition_failed`. */
    async rename(accountId: string, id: string, title: string, expected: Precondition): Promise<DocumentView> {
      return present(await store.rename(accountId, id, title, expected));
    },

    /**
     * Replaces a document's bytes, all or none. `expected` is asked before the bytes are read, to spare the upload, and
     * again in the transaction that swaps them, which decides.
     * Throws `not_found`, `precondition_failed`, `content_too_large`, `quota_exceeded`.
     */
    async replaceContent(
      accountId: string,
      id: string,
      upload: { contentType: string; contentLength: string | undefined; bytes: AsyncIterable<Uint8Array> },
      expected: Precondition,
    ): Promise<DocumentView> {
      const { document } = present(await store.find(accountId, id));
      if (!expected(document.sha256)) throw new AppError('precondition_failed');
      refuseLongBody(upload.contentLength, maxDocumentBytes);
      const content = await contents.write(accountId, limited(upload.bytes, maxDocumentBytes));
      try {
        const replacement = { contentType: upload.contentType, content };
        return present(await store.replaceContent(accountId, id, replacement, expected));
      } catch (error) {
        await contents.abandon(content.versionId);
        throw error;
      }
    },

    /** Throws `not_found`, `precondition_failed`. */
    async delete(accountId: string, id: string, expected: Precondition): Promise<void> {
      if (!(await store.delete(accountId, id, expected))) throw new AppError('not_found');
    },

    async purge(stop?: AbortSignal): Promise<void> {
      await contents.purge(stop);
      await idempotency.purge(stop);
    },
  };
}

function present<T>(found: T | null): T {
  if (found === null) throw new AppError('not_found');
  return found;
}

function fingerprintOf(accountId: string, description: DocumentDescription, sha256: string): string {
  const { title, filename, contentType } = description;
  return hash('sha256', JSON.stringify([accountId, 'createDocument', title, filename, contentType, sha256]), 'hex');
}
