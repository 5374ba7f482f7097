import { AppError } from '../../app-error.ts';

/**
 * Returns an e-mail address as it is stored and compared, lower case and NFC, or null when it is not one.
 * Deliberately loose (RFC 5321 section 4.5.3.1 lengths, one @, a dot-free or dotted domain): only a mail proves an address.
 */
export function parseEmail(text: string): string | null {
  // In this order: a lower-case letter may compose with a mark where its capital does not.
  const email = text.toLowerCase().normalize('NFC');
  if (email.length > 254) return null;
  const at = email.lastIndexOf('@');
  if (at < 1 || at > 64 || at === email.length - 1) return null;
  return /^[^\s\p{C}<>()[\]\\,;:"@]+@[^\s\p{C}<>()[\]\\,;:"@]+$/u.test(email) ? email : null;
}

/** Returns the same. Throws AppError `validation_failed` for what is no e-mail address. */
export function requireEmail(text: string): string {
  const email = parseEmail(text);
  if (email !== null) return email;
  throw new AppError('validation_failed', { errors: [{ pointer: '/email', detail: 'Must be an e-mail address.' }] });
}
