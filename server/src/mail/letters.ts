import type { LetterKind, MailDetails } from './mail.ts';
import { linkTtlSeconds } from './mailed-link.ts';

export interface Letter {
  kind: LetterKind;
  /** Origin of this Inksong, as configured: never what a request called it. */
  publicUrl: string;
  /** What to open, for the letters that ask to. */
  link: string | null;
  /** When what the letter tells of happened, milliseconds since 1970. */
  at: number;
  details: MailDetails;
}

/** A paragraph of text, or the link to open. */
export type Paragraph = string | { link: string };

export interface Wording {
  /** The same for everybody: a subject is shown on locked screens and kept in servers' logs. */
  subject: string;
  paragraphs: Paragraph[];
}

const minutes = linkTtlSeconds / 60;
const keyWorksOn = 'Your API key goes on working. If somebody else may know it, sign in and rotate it too.';

/** Returns what a letter says. Every letter also says what to do when it was not you. */
export function wordingOf({ kind, publicUrl, link, at, details }: Letter): Wording {
  const open: Paragraph[] = link === null ? [] : [{ link }];
  const happened = circumstances(at, details);
  switch (kind) {
    case 'confirm_sign_up':
      return {
        subject: 'Confirm your Inksong account',
        paragraphs: [
          `Somebody asked for an account at ${publicUrl} with this address. If it was you, open this link within ${minutes} minutes and choose the account's password there; the page then shows your API key, once:`,
          ...open,
          'If it was not you, do not open the link: without it there will be no account.',
        ],
      };
    case 'account_exists':
      return {
        subject: 'You already have an Inksong account',
        paragraphs: [
          `Somebody tried to sign up at ${publicUrl} with this address, which has an account already. Nothing has changed.`,
          'If it was you, sign in instead; if you have forgotten the password, ask there for a new one.',
          'If it was not you, there is nothing to do.',
        ],
      };
    case 'reset_password':
      return {
        subject: 'Choose a new Inksong password',
        paragraphs: [
          `Somebody asked for a new password for your account at ${publicUrl}. If it was you, open this link within ${minutes} minutes:`,
          ...open,
          'A new password ends every session of the account. Your API key goes on working; rotate it too if somebody else may know it.',
          'If it was not you, do not open the link: your password stays as it is.',
        ],
      };
    case 'confirm_email_change':
      return {
        subject: 'Confirm your new e-mail address',
        paragraphs: [
          `An account at ${publicUrl} is to use this address from now on. If that is yours, open this link within ${minutes} minutes:`,
          ...open,
          'If it was not you, do not open the link: the account then keeps the address it has.',
        ],
      };
    case 'address_in_use':
      return {
        subject: 'This address already has an Inksong account',
        paragraphs: [
          `Somebody wants another account at ${publicUrl} to use this address. It has an account of its own, so nothing has changed.`,
          'If it was you, delete one of the two accounts first, or choose another address.',
          'If it was not you, there is nothing to do.',
        ],
      };
    case 'api_key_rotated':
      return {
        subject: 'Your Inksong API key was rotated',
        paragraphs: [
          `The API key of your account at ${publicUrl} was replaced. The old key no longer works.`,
          happened,
          'If it was not you, somebody can sign in as you: sign in, change your password, which ends all other sessions, and then rotate the key.',
        ],
      };
    case 'allowlist_changed':
      return {
        subject: 'The allowed addresses of your Inksong API key were changed',
        paragraphs: [
          `The API key of your account at ${publicUrl} may now be used from: ${details.allowedAddresses}.`,
          happened,
          'If it was not you, somebody can sign in as you: sign in, change your password, which ends all other sessions, and then set the addresses again and rotate the key.',
        ],
      };
    case 'password_changed':
      return {
        subject: 'Your Inksong password was changed',
        paragraphs: [
          `The password of your account at ${publicUrl} was changed, and all its other sessions have ended. ${keyWorksOn}`,
          happened,
          'If it was not you, choose a new password by “forgot password” at once, and then rotate the key.',
        ],
      };
    case 'password_reset':
      return {
        subject: 'Your Inksong password was reset',
        paragraphs: [
          `A new password was chosen for your account at ${publicUrl} by a mailed link, and all its sessions have ended. ${keyWorksOn}`,
          happened,
          'If it was not you, somebody reads your mail: secure the mailbox first, then choose a new password and rotate the key.',
        ],
      };
    case 'email_changed':
      return {
        subject: 'The e-mail address of your Inksong account was changed',
        paragraphs: [
          `Your account at ${publicUrl} no longer uses this address${details.newEmail === undefined ? '' : `, but ${details.newEmail}`}.`,
          happened,
          'If it was not you, tell whoever runs this Inksong at once: from this address the account can no longer be recovered.',
        ],
      };
    case 'email_confirmed':
      return {
        subject: 'Your Inksong account now uses this address',
        paragraphs: [
          `Your account at ${publicUrl} now uses this address, to sign in and for mails like this one.`,
          happened,
          'If it was not you, somebody opened a link that was mailed here: secure the mailbox, and tell whoever runs this Inksong.',
        ],
      };
    case 'refresh_reuse':
      return {
        subject: 'An Inksong session was ended for safety',
        paragraphs: [
          `A sign-in cookie of your account at ${publicUrl} was used again after it had been replaced, as happens when it has been copied. That session has ended; the others go on.`,
          happened,
          'Sign in again where you need to. If you do not know this place, change your password and rotate your key.',
        ],
      };
  }
}

function circumstances(at: number, { address, reason }: MailDetails): string {
  const facts = [`When: ${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC.`];
  if (address) facts.push(`From: ${address}.`);
  if (reason) facts.push(`Reason given: ${reason}.`);
  return facts.join(' ');
}
