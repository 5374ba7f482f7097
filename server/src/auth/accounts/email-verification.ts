import { AppError } from '../../app-error.ts';
import type { Transaction } from '../../database/database.ts';
import type { Events } from '../../events/events.ts';
import { hashLinkToken } from '../../mail/mailed-link.ts';
import type { Actor } from '../actor.ts';
import type { BearerPrincipal } from '../principal.ts';
import type { Device } from '../sessions/sessions.ts';
import type { Accounts, Registered } from './accounts.ts';
import { requireEmail } from './email.ts';
import { deadLink, type MailedLinkStore, type ProvedLink } from './mailed-links.ts';
import type { Passwords } from './password.ts';

export type EmailVerification = ReturnType<typeof createEmailVerification>;

export interface EmailVerificationOptions {
  store: MailedLinkStore;
  accounts: Pick<Accounts, 'open' | 'issue' | 'signup'>;
  passwords: Passwords;
  events: Pick<Events, 'record'>;
}

const purposes = ['sign_up', 'email_change'] as const;

/** Addresses that a mailed link proves: of accounts to be made, and of accounts that change theirs. */
export function createEmailVerification({ store, accounts, passwords, events }: EmailVerificationOptions) {
  return {
    /**
     * Has a link mailed with which the account is made, or "you have an account" when there is one; which of the two is
     * settled when the mail is sent. Returns the address. Throws `validation_failed` and `signup_closed`.
     */
    async requestSignUp(input: { email: string; password: string }): Promise<string> {
      const email = requireEmail(input.email);
      if (accounts.signup === 'closed') throw new AppError('signup_closed');
      await passwords.requireGood(input.password, { email, pointer: '/password' });
      const passwordHash = await passwords.hash(input.password);
      await store.transaction((trx) => store.ask(trx, { kind: 'sign_up', recipient: email, passwordHash }));
      return email;
    },

    /** Has the link of a sign-up that waits for it mailed anew. Returns the address. Throws `validation_failed`. */
    async resend(address: string): Promise<string> {
      const email = requireEmail(address);
      await store.transaction((trx) => store.ask(trx, { kind: 'sign_up_again', recipient: email }));
      return email;
    },

    /** Has a link mailed to the address that an account is to have. Returns the address. Throws `validation_failed`. */
    async requestChange(
      { accountId, email: current }: BearerPrincipal,
      address: string,
      actor: Actor,
    ): Promise<string> {
      const email = requireEmail(address);
      if (email === current) {
        const detail = 'Is the address that the account has already.';
        throw new AppError('validation_failed', { errors: [{ pointer: '/email', detail }] });
      }
      await store.transaction(async (trx) => {
        await store.ask(trx, { kind: 'email_change', recipient: email, accountId });
        await events.record(trx, {
          accountId,
          kind: 'email_change_requested',
          ...actor,
          apiKeyId: null,
          details: { new_email: email },
        });
      });
      return email;
    },

    /**
     * Does what a link was mailed for. Returns the new account, key and session of a sign-up, and null after a change.
     * Throws `link_invalid`, `email_taken` when the address got an account meanwhile, and `validation_failed` for a
     * password that is not good, which leaves the link as it is.
     * @param chosenPassword becomes a new account's password in place of the one sent when it was asked for: whoever asked
     * may be somebody else than who reads the mail. Only for a sign-up.
     */
    async verify(
      { token, chosenPassword }: { token: string; chosenPassword: string | undefined },
      device: Device,
    ): Promise<Registered | null> {
      const hash = hashLinkToken(token);
      const chosenHash = chosenPassword === undefined ? null : await hashChosen(hash, chosenPassword);
      const opened = await store.transaction(async (trx) => {
        const link = await store.take(trx, hash, purposes);
        if (!link) throw deadLink();
        if (link.purpose === 'email_change') {
          await change(trx, link, device);
          return null;
        }
        const { email } = link;
        const passwordHash = chosenHash ?? link.passwordHash;
        if (passwordHash === null) throw deadLink();
        return accounts.open(trx, { email, passwordHash }, device);
      });
      return opened && accounts.issue(opened);
    },
  };

  /** Hashes outside any transaction, and nothing for a link that is not good. */
  async function hashChosen(hash: string, password: string): Promise<string> {
    const link = await store.find(hash, purposes);
    if (!link) throw deadLink();
    const pointer = '/password';
    if (link.purpose === 'email_change') {
      const detail = 'This link changes an address and leaves the password as it is: send the token alone.';
      throw new AppError('validation_failed', { errors: [{ pointer, detail }] });
    }
    await passwords.requireGood(password, { email: link.email, pointer });
    return passwords.hash(password);
  }

  async function change(trx: Transaction, { accountId, email }: ProvedLink, device: Device): Promise<void> {
    if (accountId === null) throw deadLink();
    await store.notify(trx, accountId, 'email_changed', { address: device.address, newEmail: email });
    const formerEmail = await store.setEmail(trx, accountId, email);
    if (formerEmail === null) throw deadLink();
    // Links to the former address prove nothing any more.
    await store.voidAll(trx, accountId);
    await store.notify(trx, accountId, 'email_confirmed', { address: device.address });
    await events.record(trx, {
      accountId,
      kind: 'email_changed',
      ...device,
      sessionId: null,
      apiKeyId: null,
      details: { former_email: formerEmail, new_email: email },
    });
  }
}
