/** Mails that carry a link, or tell why they do not: which of the two is settled as they are sent, so that asking tells nothing. */
export type AskedMail =
  | { kind: 'sign_up'; recipient: string; passwordHash: string }
  | { kind: 'sign_up_again'; recipient: string }
  | { kind: 'password_forgotten'; recipient: string }
  | { kind: 'email_change'; recipient: string; accountId: string };

/** Mails that tell an account's owner what has happened. */
export type NoticeKind =
  | 'api_key_rotated'
  | 'password_changed'
  | 'password_reset'
  /** To the former address, before the change. */
  | 'email_changed'
  /** To the new one, after it. */
  | 'email_confirmed'
  | 'refresh_reuse';

export type MailKind = AskedMail['kind'] | NoticeKind;

/** What a notice mentions: never a secret. */
export interface MailDetails {
  address?: string | null;
  userAgent?: string | null;
  reason?: string | null;
  newEmail?: string;
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
