import type { Migration } from '#kysely/migration';
import { initial } from './migrations/0001-initial.ts';
import { lifecycle } from './migrations/0002-lifecycle.ts';
import { answerableTokens } from './migrations/0003-answerable-tokens.ts';
import { allowlists } from './migrations/0004-allowlists.ts';
import { eventsByKind } from './migrations/0005-events-by-kind.ts';
import { documentCount } from './migrations/0006-document-count.ts';
import { purgeIndexes } from './migrations/0007-purge-indexes.ts';
import { invitationExpiry } from './migrations/0008-invitation-expiry.ts';

/** Every migration by name, in order. A released one is never changed. */
export const migrations: Record<string, Migration> = {
  '0001-initial': initial,
  '0002-lifecycle': lifecycle,
  '0003-answerable-tokens': answerableTokens,
  '0004-allowlists': allowlists,
  '0005-events-by-kind': eventsByKind,
  '0006-document-count': documentCount,
  '0007-purge-indexes': purgeIndexes,
  '0008-invitation-expiry': invitationExpiry,
};
