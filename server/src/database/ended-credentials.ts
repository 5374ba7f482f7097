import type { Database, Transaction } from './database.ts';

export interface EndedCredentials {
  endedSessions: number;
  endedInvitations: number;
  /** Links to reset a password, to prove an address or to finish a sign-up. */
  endedLinks: number;
  killedKeys: number;
}

/**
 * Ends what must not come back to life with an older state of the database: every session, refresh token, invitation,
 * mailed link, unsent mail and kept answer, and with `killKeys` every key.
 */
export async function endCredentials(
  trx: Transaction,
  { randomHash }: Pick<Database, 'randomHash'>,
  { killKeys }: { killKeys: boolean },
): Promise<EndedCredentials> {
  await trx.deleteFrom('refresh_tokens').execute();
  const { live } = await trx
    .selectFrom('sessions')
    .select((eb) => eb.fn.countAll<number>().as('live'))
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow();
  await trx.deleteFrom('sessions').execute();
  const invitations = await trx.deleteFrom('invitations').executeTakeFirst();
  const links = await trx.deleteFrom('mailed_links').executeTakeFirst();
  // Whatever was to be mailed has been by now, or would mail a link to what is over.
  await trx.deleteFrom('outbox').execute();
  await trx.deleteFrom('limit_counters').execute();
  await trx.deleteFrom('idempotency_keys').execute();
  // A hash of nothing: no key has it, and the row still tells its owner what there was.
  const keys = killKeys ? await trx.updateTable('api_keys').set({ hash: randomHash }).executeTakeFirst() : null;
  return {
    endedSessions: live,
    endedInvitations: Number(invitations.numDeletedRows),
    endedLinks: Number(links.numDeletedRows),
    killedKeys: Number(keys?.numUpdatedRows ?? 0),
  };
}
