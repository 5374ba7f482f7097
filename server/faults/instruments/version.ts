/** A release of this program: the one before, this one, and one to come. */
export type Version = 'earlier' | 'this' | 'later';

/**
 * What is put at the end of the list of migrations for another version. No earlier code is at hand wherever the experiments
 * run; but two versions meet in the database alone, and what an older one finds there is a schema that it does not know.
 * So the earlier one lacks the latest migration, and the later one has one more, of all that a migration may do to the
 * version before: new columns, filled in, of a table that is read and written all the time, a new table, new indexes.
 */
export const changes: Record<Version, string> = {
  this: '',
  earlier: 'delete migrations[Object.keys(migrations).at(-1) ?? ""];',
  later: `migrations['9998-later'] = {
    async up(db) {
      await db.schema.alterTable('documents').addColumn('language', 'text').execute();
      await db.schema
        .alterTable('documents')
        .addColumn('rank', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
      await db.updateTable('documents').set({ language: 'en' }).execute();
      await db.schema.createIndex('documents_rank').on('documents').columns(['account_id', 'rank']).execute();
      await db.schema
        .createTable('notes')
        .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.id').onDelete('cascade'))
        .execute();
      await db.schema.createIndex('sessions_created').on('sessions').column('created_at').execute();
    },
  };`,
};

/** Returns the settings under which the program is another version; a planted defect stays in it. */
export function asVersion(version: Version): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${import.meta.resolve('./as-version.ts')}`,
    FAULTS_VERSION: version,
  };
}
