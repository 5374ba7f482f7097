import type { Kysely } from '#kysely';
import type { Migration } from '#kysely/migration';

/** What the purge of invitations looks for. */
export const invitationExpiry: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.createIndex('invitations_expiry').on('invitations').column('expires_at').execute();
  },
};
