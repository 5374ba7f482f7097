import { sql } from 'kysely';
import { AppError } from '../app-error.ts';
import type { Database } from '../database/database.ts';
import { adoptVersion, releaseVersion } from './content-store.ts';
import { toSearchForm } from './document.ts';
import type { DocumentStore, Precondition } from './documents.ts';
import { addDocumentBytes } from './storage-usage.ts';

const viewColumns = ['id', 'title', 'filename', 'content_type', 'size', 'sha256', 'created_at', 'updated_at'] as const;

export function createDocumentStore(database: Database, accountQuotaBytes: number): DocumentStore {
  const { query, now } = database;
  return {
    async list(accountId, search, limit, after) {
      const rows = await query
        .selectFrom('documents')
        .select(viewColumns)
        .where('account_id', '=', accountId)
        .$if(search !== '', (list) =>
          list.where(sql<boolean>`title_search LIKE ${`%${escapeLike(search)}%`} ESCAPE '\\'`),
        )
        .$if(after !== null, (list) =>
          list.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('created_at', 'id'), '<', tuple(after?.createdAt ?? 0, after?.id ?? '')),
          ),
        )
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        // One more than asked for tells whether there is a next page.
        .limit(limit + 1)
        .execute();
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      return { items, next: last ? { createdAt: last.created_at, id: last.id } : null };
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
      database.transaction(async (trx) => {
        await addDocumentBytes(trx, accountId, content.size, accountQuotaBytes);
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
      database.transaction(async (trx) => {
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
      database.transaction(async (trx) => {
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
        await addDocumentBytes(trx, accountId, content.size - old.size, accountQuotaBytes);
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
      database.transaction(async (trx) => {
        const deleted = await trx
          .deleteFrom('documents')
          .where('id', '=', id)
          .where('account_id', '=', accountId)
          .returning(['version_id', 'size', 'sha256'])
          .executeTakeFirst();
        if (!deleted) return false;
        requireExpected(expected, deleted.sha256);
        await addDocumentBytes(trx, accountId, -deleted.size, accountQuotaBytes);
        await releaseVersion(trx, now, deleted.version_id);
        return true;
      }),
  };
}

/** Throwing undoes what the transaction has done so far. */
function requireExpected(expected: Precondition, sha256: string): void {
  if (!expected(sha256)) throw new AppError('precondition_failed');
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
