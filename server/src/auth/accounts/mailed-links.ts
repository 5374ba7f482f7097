import { AppError } from '../../app-error.ts';
import type { Transaction } from '../../database/database.ts';
import type { AskedMail, MailDetails, NoticeKind } from '../../mail/mail.ts';
import type { LinkPurpose } from '../../mail/mailed-link.ts';

/** What a mailed link proves: that its holder reads the mail of this address. */
export interface ProvedLink<Purpose extends LinkPurpose = LinkPurpose> {
  purpose: Purpose;
  email: string;
  accountId: string | null;
  passwordHash: string | null;
}

export interface MailedLinkStore {
  transaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T>;
  /** Has the outbox mail a link, or whatever else there is to say to that address. */
  ask(trx: Transaction, mail: AskedMail): Promise<void>;
  /** Has the outbox tell the owner, at the address the account has at this point of the transaction. */
  notify(trx: Transaction, accountId: string, kind: NoticeKind, details: MailDetails): Promise<void>;
  /** Voids every link of an account, mailed or still to be mailed. */
  voidAll(trx: Transaction, accountId: string): Promise<void>;
  /** Stores a link that an operator hands over, in place of the others of its account and purpose. False when the account is disabled or gone. */
  issue(
    trx: Transaction,
    link: { hash: string; purpose: LinkPurpose; accountId: string; ttlSeconds: number },
  ): Promise<boolean>;
  /** Returns whose a link is, without using it, or null when it is not good. */
  find<Purpose extends LinkPurpose>(
    hash: string,
    purposes: readonly Purpose[],
  ): Promise<Pick<ProvedLink<Purpose>, 'purpose' | 'email'> | null>;
  /** Uses a link up, if the transaction commits; null when it is not good. */
  take<Purpose extends LinkPurpose>(
    trx: Transaction,
    hash: string,
    purposes: readonly Purpose[],
  ): Promise<ProvedLink<Purpose> | null>;
  /** Returns false when the account is disabled or gone. */
  setPassword(trx: Transaction, accountId: string, passwordHash: string): Promise<boolean>;
  /** Returns the former address, or null when the account is disabled or gone. Throws AppError `email_taken`. */
  setEmail(trx: Transaction, accountId: string, email: string): Promise<string | null>;
}

/** The same for a link that never was, has been used, has expired, or was followed by a newer one. */
export function deadLink(): AppError {
  return new AppError('link_invalid', {
    detail: 'This link has been used, has expired, or was followed by a newer one. Ask for another.',
  });
}
