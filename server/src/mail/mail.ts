/** Mails that carry a link, or tell why they do not: which of the two is settled as they are sent, so that asking tells nothing. */
export type AskedMail =
  | { kind: 'sign_up'; recipient: string; passwordHash: string }
  | { kind: 'sign_up_again'; recipient: string }
  | { kind: 'password_forgotten'; recipient: string }
  | { kind: 'email_change'; recipient: string; accountId: string };

/** Mails that tell an account's owner what has happened. */
export type NoticeKind =
  | 'api_key_rotated'
  | 'allowlist_changed'
  | 'password_changed'
  | 'password_reset'
  /** To the former address, before the change. */
  | 'email_changed'
  /** To the new one, after it. */
  | 'email_confirmed'
  | 'refresh_reuse';

export type MailKind = AskedMail['kind'] | NoticeKind;

const askedKinds: readonly string[] = [
  'sign_up',
  'sign_up_again',
  'password_forgotten',
  'email_change',
] satisfies AskedMail['kind'][];

export function isAsked(kind: MailKind): kind is AskedMail['kind'] {
  return askedKinds.includes(kind);
}

/** What a notice mentions: never a secret. */
export interface MailDetails {
  /** Where it was done from. Not the user agent: that is text of a stranger's choosing, and mail programs make links of it. */
  address?: string | null;
  reason?: string | null;
  newEmail?: string;
  /** Where a key may be used from now: `any address`, or a summary of its allowlist. */
  allowedAddresses?: string;
}

/** A letter once it is known what to say. */
export type LetterKind =
  | 'confirm_sign_up'
  | 'account_exists'
  | 'reset_password'
  | 'confirm_email_change'
  | 'address_in_use'
  | NoticeKind;

export interface Mail {
  recipient: string;
  subject: string;
  text: string;
  html: string;
}
