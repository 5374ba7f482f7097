import type { Schema } from './schema.ts';

export type TableName = keyof Schema;

/**
 * Every table, after those it refers to, with its primary key: what a backup, a restore and a move copy. A table that is
 * missing here does not compile.
 */
export const primaryKeys: { readonly [Table in TableName]: readonly (keyof Schema[Table])[] } = {
  accounts: ['id'],
  invitations: ['hash'],
  api_keys: ['id'],
  api_key_addresses: ['api_key_id', 'day', 'address'],
  retired_api_keys: ['hash'],
  sessions: ['id'],
  refresh_tokens: ['hash'],
  content_versions: ['id'],
  content_chunks: ['version_id', 'seq'],
  documents: ['id'],
  storage_usage: ['account_id'],
  idempotency_keys: ['account_id', 'key'],
  events: ['id'],
  usage_days: ['account_id', 'day', 'scheme', 'outcome'],
  mailed_links: ['hash'],
  outbox: ['id'],
  sign_in_addresses: ['account_id', 'address_group'],
  limit_counters: ['key'],
};

export const tables = Object.keys(primaryKeys) as readonly TableName[];
