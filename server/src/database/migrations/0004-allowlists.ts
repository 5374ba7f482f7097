import type { Kysely } from '#kysely';
import type { Migration } from '#kysely/migration';

/** Which addresses may use a key, and which have. */
export const allowlists: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('api_keys').addColumn('allowed_ips', 'text').execute();

    await db.schema
      .createTable('api_key_addresses')
      .addColumn('api_key_id', 'text', (c) => c.notNull().references('api_keys.id').onDelete('cascade'))
      .addColumn('day', 'text', (c) => c.notNull())
      .addColumn('address', 'text', (c) => c.notNull())
      .addColumn('last_used_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('api_key_addresses_pk', ['api_key_id', 'day', 'address'])
      .execute();
    await db.schema.createIndex('api_key_addresses_day').on('api_key_addresses').column('day').execute();
  },
};
