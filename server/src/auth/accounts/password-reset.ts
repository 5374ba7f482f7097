import type { Events } from '../../events/events.ts';
import type { Guesses } from '../../limits/guesses.ts';
import { hashLinkToken, mintLinkToken } from '../../mail/mailed-link.ts';
import { operator } from '../actor.ts';
import type { Device, Sessions } from '../sessions/sessions.ts';
import { requireEmail } from './email.ts';
import { deadLink, type MailedLinkStore } from './mailed-links.ts';
import type { Passwords } from './password.ts';

/** Seconds a link is good for that an operator hands over. */
const issuedTtlSeconds = 72 * 3600;

export type PasswordReset = ReturnType<typeof createPasswordReset>;

export interface PasswordResetOptions {
  store: MailedLinkStore;
  sessions: Sessions;
  passwords: Passwords;
  events: Pick<Events, 'record'>;
  guesses: Pick<Guesses, 'welcome'>;
}

export function createPasswordReset({ store, sessions, passwords, events, guesses }: PasswordResetOptions) {
  return {
    /**
     * Has a link mailed, if the address has an account; that is looked up when the mail is sent, so that the answer,
     * the time it takes and the row it leaves are the same either way. Returns the address. Throws `validation_failed`.
     */
    async forgot(address: string): Promise<string> {
      const email = requireEmail(address);
      await store.transaction((trx) => store.ask(trx, { kind: 'password_forgotten', recipient: email }));
      return email;
    },

    /**
     * Returns the token of a link for an operator to hand over, good once within 72 hours, in place of earlier ones; null
     * when the account is disabled or gone. But for an event, nothing else changes until it is used.
     */
    async issue(accountId: string): Promise<{ token: string; expiresInSeconds: number } | null> {
      const token = mintLinkToken();
      const link = { hash: hashLinkToken(token), purpose: 'password_reset', ttlSeconds: issuedTtlSeconds } as const;
      const isIssued = await store.transaction(async (trx) => {
        if (!(await store.issue(trx, { ...link, accountId }))) return false;
        await events.record(trx, { accountId, kind: 'reset_link_issued', ...operator, apiKeyId: null, details: {} });
        return true;
      });
      return isIssued ? { token, expiresInSeconds: issuedTtlSeconds } : null;
    },

    /**
     * Sets a new password by a mailed link; every session and every other link of the account has then ended.
     * Throws `link_invalid`, and `validation_failed` for a password that is not good, which leaves the link as it is.
     */
    async reset(token: string, newPassword: string, device: Device): Promise<void> {
      const hash = hashLinkToken(token);
      const found = await store.find(hash, ['password_reset']);
      if (!found) throw deadLink();
      await passwords.requireGood(newPassword, { email: found.email, pointer: '/new_password' });
      const passwordHash = await passwords.hash(newPassword);
      await store.transaction(async (trx) => {
        // Of parallel requests one takes the link.
        const link = await store.take(trx, hash, ['password_reset']);
        const accountId = link?.accountId;
        if (!accountId || !(await store.setPassword(trx, accountId, passwordHash))) throw deadLink();
        await store.voidAll(trx, accountId);
        await sessions.endAll(trx, accountId);
        // Whoever opened the mail may sign in from here, however many others are guessing.
        await guesses.welcome(trx, { id: accountId, email: found.email }, device.address);
        await events.record(trx, {
          accountId,
          kind: 'password_reset',
          ...device,
          sessionId: null,
          apiKeyId: null,
          details: {},
        });
        await store.notify(trx, accountId, 'password_reset', { address: device.address });
      });
    },
  };
}
