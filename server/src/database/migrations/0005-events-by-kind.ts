import type { Kysely } from '#kysely';
import type { Migration } from '#kysely/migration';

/** Lets the audit log be read by kind, however rare the kind is among all that an account has had. */
export const eventsByKind: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('events_account_kind')
      .on('events')
      .columns(['account_id', 'kind', 'at', 'id'])
      .execute();
  },
};
