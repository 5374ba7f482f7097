import { type Kysely, sql } from '#kysely';
import type { Migration } from '#kysely/migration';

/** Of all tokens a session has had, a refresh looks for the one or two whose answer can still be repeated. */
export const answerableTokens: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('refresh_tokens_answerable')
      .on('refresh_tokens')
      .column('session_id')
      .where(sql.ref('successor_nonce'), 'is not', null)
      .execute();
  },
};
