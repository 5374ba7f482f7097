import { type Kysely, sql } from '#kysely';
import type { Migration } from '#kysely/migration';

/** What the purges of mail and of addresses look for, so that they need not read the whole tables. */
export const purgeIndexes: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.createIndex('outbox_created').on('outbox').column('created_at').execute();
    await db.schema
      .createIndex('retired_api_keys_addressed')
      .on('retired_api_keys')
      .column('last_attempt_at')
      .where(sql.ref('last_attempt_ip'), 'is not', null)
      .execute();
  },
};
