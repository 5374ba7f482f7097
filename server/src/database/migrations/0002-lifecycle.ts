import { type Kysely, sql } from '#kysely';
import type { Migration } from '#kysely/migration';

/** Mailed links, the outbox, gathered events, usage, retired keys, limits shared by all processes. */
export const lifecycle: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('events').addColumn('user_agent', 'text').execute();
    await db.schema
      .alterTable('events')
      .addColumn('count', 'integer', (c) => c.notNull().defaultTo(1))
      .execute();
    await db.schema.alterTable('events').addColumn('last_at', 'bigint').execute();
    await db.schema.alterTable('events').addColumn('gather_key', 'text').execute();
    await db.schema.createIndex('events_gather_key').unique().on('events').column('gather_key').execute();
    await db.schema.createIndex('events_at').on('events').column('at').execute();
    await db.schema
      .createIndex('events_addressed')
      .on('events')
      .column('at')
      .where(sql.ref('address'), 'is not', null)
      .execute();

    await db.schema
      .createTable('retired_api_keys')
      .addColumn('hash', 'text', (c) => c.primaryKey())
      .addColumn('api_key_id', 'text', (c) => c.notNull().references('api_keys.id').onDelete('cascade'))
      .addColumn('account_id', 'text', (c) => c.notNull())
      .addColumn('rotated_at', 'bigint', (c) => c.notNull())
      .addColumn('attempts', 'bigint', (c) => c.notNull().defaultTo(0))
      .addColumn('last_attempt_at', 'bigint')
      .addColumn('last_attempt_ip', 'text')
      .execute();
    await db.schema
      .createIndex('retired_api_keys_key')
      .on('retired_api_keys')
      .columns(['api_key_id', 'rotated_at'])
      .execute();

    await db.schema
      .createTable('usage_days')
      .addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id').onDelete('cascade'))
      .addColumn('day', 'text', (c) => c.notNull())
      .addColumn('scheme', 'text', (c) => c.notNull())
      .addColumn('outcome', 'text', (c) => c.notNull())
      .addColumn('count', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('usage_days_pk', ['account_id', 'day', 'scheme', 'outcome'])
      .execute();
    await db.schema.createIndex('usage_days_day').on('usage_days').column('day').execute();

    await db.schema
      .createTable('mailed_links')
      .addColumn('hash', 'text', (c) => c.primaryKey())
      .addColumn('purpose', 'text', (c) => c.notNull())
      .addColumn('email', 'text', (c) => c.notNull())
      .addColumn('account_id', 'text', (c) => c.references('accounts.id').onDelete('cascade'))
      .addColumn('password_hash', 'text')
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('mailed_links_email').on('mailed_links').columns(['email', 'purpose']).execute();
    await db.schema.createIndex('mailed_links_account').on('mailed_links').column('account_id').execute();
    await db.schema.createIndex('mailed_links_expiry').on('mailed_links').column('expires_at').execute();

    await db.schema
      .createTable('outbox')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('recipient', 'text', (c) => c.notNull())
      .addColumn('account_id', 'text')
      .addColumn('password_hash', 'text')
      .addColumn('details', 'text', (c) => c.notNull().defaultTo('{}'))
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
      .addColumn('due_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('outbox_due').on('outbox').column('due_at').execute();
    await db.schema.createIndex('outbox_recipient').on('outbox').columns(['recipient', 'kind']).execute();
    await db.schema.createIndex('outbox_account').on('outbox').column('account_id').execute();

    await db.schema
      .createTable('sign_in_addresses')
      .addColumn('account_id', 'text', (c) => c.notNull().references('accounts.id').onDelete('cascade'))
      .addColumn('address_group', 'text', (c) => c.notNull())
      .addColumn('last_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('sign_in_addresses_pk', ['account_id', 'address_group'])
      .execute();
    await db.schema.createIndex('sign_in_addresses_last').on('sign_in_addresses').column('last_at').execute();

    await db.schema
      .createTable('limit_counters')
      .addColumn('key', 'text', (c) => c.primaryKey())
      .addColumn('points', 'integer', (c) => c.notNull())
      .addColumn('expires_at', 'bigint')
      .execute();
    await db.schema
      .createIndex('limit_counters_expiry')
      .on('limit_counters')
      .column('expires_at')
      .where(sql.ref('expires_at'), 'is not', null)
      .execute();
  },
};
