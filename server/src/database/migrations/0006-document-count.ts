import { type Kysely, sql } from '#kysely';
import type { Migration } from '#kysely/migration';

/** Counts the documents of each account, so that their number can be bounded without looking at them. */
export const documentCount: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('storage_usage')
      .addColumn('document_count', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await sql`
      UPDATE storage_usage SET document_count =
        (SELECT count(*) FROM documents WHERE documents.account_id = storage_usage.account_id)
    `.execute(db);
  },
};
