import { setImmediate } from 'node:timers/promises';
import { type Expression, type ExpressionBuilder, sql } from '#kysely';
import { AppError } from '../app-error.ts';
import type { Database } from '../database/database.ts';
import { prepareQuery, type Slots } from '../database/prepared-query.ts';
import type { Schema } from '../database/schema.ts';
import type { PageCursor } from '../page-cursor.ts';
import { adoptVersion, releaseVersion } from './content-store.ts';
import { type DocumentView, toSearchForm } from './document.ts';
import type { DocumentStore, Precondition } from './documents.ts';
import { type AccountQuota, addDocuments } from './storage-usage.ts';

const viewColumns = ['id', 'title', 'filename', 'content_type', 'size', 'sha256', 'created_at', 'updated_at'] as const;
/** Titles compared in one turn of the event loop: at most some milliseconds, whatever they are. */
export const searchedAtOnce = 500;

interface PageOf {
  accountId: string;
  limit: number;
}

export function createDocumentStore(database: Database, quota: AccountQuota): DocumentStore {
  const { query, now } = database;

  /** Returns the place of the last of the next `searchedAtOnce` documents; null when there are fewer left. */
  async function endOfSlice(accountId: string, after: PageCursor | null): Promise<PageCursor | null> {
    const row = await query
      .selectFrom('documents')
      .select(['created_at as at', 'id'])
      .where('account_id', '=', accountId)
      .$if(after !== null, (list) => list.where(placed('<', after)))
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .offset(searchedAtOnce - 1)
      .limit(1)
      .executeTakeFirst();
    return row ?? null;
  }

  /** Selects an account's documents, newest first. */
  const newest = (accountId: string | Expression<string>, limit: number | Expression<number>) =>
    query
      .selectFrom('documents')
      .select(viewColumns)
      .where('account_id', '=', accountId)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
  const readFirstPage = prepareQuery(({ accountId, limit }: Slots<PageOf>) => newest(accountId, limit));
  const readNextPage = prepareQuery(({ accountId, limit, at, id }: Slots<PageOf & PageCursor>) =>
    newest(accountId, limit).where(placed('<', { at, id })),
  );

  /** Returns the newest documents whose title contains `search`, looking at one slice of the account's after another. */
  async function searchFor(accountId: string, search: string, limit: number, after: PageCursor | null) {
    const found: DocumentView[] = [];
    for (let from = after; ; ) {
      const last = await endOfSlice(accountId, from);
      found.push(
        ...(await newest(accountId, limit - found.length)
          // Not LIKE, which takes milliseconds for one title when both are long and monotonous.
          .where(database.contains(sql.ref('title_search'), search))
          .$if(from !== null, (list) => list.where(placed('<', from)))
          .$if(last !== null, (list) => list.where(placed('>=', last)))
          .execute()),
      );
      if (found.length === limit || last === null) return found;
      from = last;
      // Others' requests get their turn, however many documents this account has.
      await setImmediate();
    }
  }

  return {
    async list(accountId, search, limit, after) {
      // One more than asked for tells whether there is a next page.
      const rows =
        search !== ''
          ? await searchFor(accountId, search, limit + 1, after)
          : after === null
            ? await readFirstPage(database.single, { accountId, limit: limit + 1 })
            : await readNextPage(database.single, { accountId, limit: limit + 1, at: after.at, id: after.id });
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      return { items, next: last ? { at: last.created_at, id: last.id } : null };
    },

    async find(accountId, id) {
      const row = await query
        .selectFrom('documents')
        .select([...viewColumns, 'version_id'])
        .where('id', '=', id)
        .where('account_id', '=', accountId)
        .executeTakeFirst();
      if (!row) return null;
      const { version_id: versionId, ...document } = row;
      return { document, versionId };
    },

    insert: (accountId, { id, title, filename, contentType, content }, alongside) =>
      database.lockingTransaction(async (trx) => {
        await addDocuments(trx, accountId, { documents: 1, bytes: content.size }, quota);
        await adoptVersion(trx, content.versionId);
        const document = await trx
          .insertInto('documents')
          .values({
            id,
            account_id: accountId,
            title,
            title_search: toSearchForm(title),
            filename,
            content_type: contentType,
            version_id: content.versionId,
            size: content.size,
            sha256: content.sha256,
            created_at: now,
            updated_at: now,
          })
          .returning(viewColumns)
          .executeTakeFirstOrThrow();
        await alongside(trx, document);
        return document;
      }),

    rename: (accountId, id, title, expected) =>
      database.lockingTransaction(async (trx) => {
        const renamed = await trx
          .updateTable('documents')
          .set({ title, title_search: toSearchForm(title), updated_at: now })
          .where('id', '=', id)
          .where('account_id', '=', accountId)
          .returning(viewColumns)
          .executeTakeFirst();
        if (!renamed) return null;
        requireExpected(expected, renamed.sha256);
        return renamed;
      }),

    replaceContent: (accountId, id, { contentType, content }, expected) =>
      database.lockingTransaction(async (trx) => {
        // An update first: it locks the row on every engine, so what it returns cannot change until the commit.
        const old = await trx
          .updateTable('documents')
          .set({ updated_at: now })
          .where('id', '=', id)
          .where('account_id', '=', accountId)
          .returning(['version_id', 'size', 'sha256'])
          .executeTakeFirst();
        if (!old) return null;
        requireExpected(expected, old.sha256);
        await addDocuments(trx, accountId, { documents: 0, bytes: content.size - old.size }, quota);
        await adoptVersion(trx, content.versionId);
        const replaced = await trx
          .updateTable('documents')
          .set({
            version_id: content.versionId,
            size: content.size,
            sha256: content.sha256,
            content_type: contentType,
          })
          .where('id', '=', id)
          .returning(viewColumns)
          .executeTakeFirstOrThrow();
        await releaseVersion(trx, now, old.version_id);
        return replaced;
      }),

    delete: (accountId, id, expected) =>
      database.lockingTransaction(async (trx) => {
        const deleted = await trx
          .deleteFrom('documents')
          .where('id', '=', id)
          .where('account_id', '=', accountId)
          .returning(['version_id', 'size', 'sha256'])
          .executeTakeFirst();
        if (!deleted) return false;
        requireExpected(expected, deleted.sha256);
        await addDocuments(trx, accountId, { documents: -1, bytes: -deleted.size }, quota);
        await releaseVersion(trx, now, deleted.version_id);
        return true;
      }),
  };
}

/** Throwing undoes what the transaction has done so far. */
function requireExpected(expected: Precondition, sha256: string): void {
  if (!expected(sha256)) throw new AppError('precondition_failed');
}

/** Compares a document's place in the list with another: by its time, and by its id among those of one millisecond. */
function placed(comparison: '<' | '>=', place: PageCursor | Slots<PageCursor> | null) {
  return ({ eb, refTuple, tuple }: ExpressionBuilder<Schema, 'documents'>) =>
    eb(refTuple('created_at', 'id'), comparison, tuple(place?.at ?? 0, place?.id ?? ''));
}
