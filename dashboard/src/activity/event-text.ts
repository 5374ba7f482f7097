import type { AccountEvent, EventKind } from '@inksong/client';

/** How something ended; `alert` is what its owner should look into. */
export type Result = 'done' | 'refused' | 'alert';

interface KindText {
  /** Names the kind in the filter. */
  label: string;
  result: Result;
  sentence: (event: AccountEvent) => string;
  /** Says more about it; null when there is nothing to add. */
  more?: (event: AccountEvent) => string | null;
}

/** What the server may come to send that this page was not built for is told by its name. */
const unheardOf: KindText = {
  label: 'Something else',
  result: 'done',
  sentence: ({ kind }) => sentenceCase(kind),
};

/** Each kind in plain words: a kind of the server's that is missing here does not compile. */
const kinds: Record<EventKind, KindText> = {
  signed_in: { label: 'Signed in', result: 'done', sentence: () => 'You signed in' },
  signed_out: { label: 'Signed out', result: 'done', sentence: () => 'You signed out' },
  reauthenticated: {
    label: 'Password entered again',
    result: 'done',
    sentence: () => 'You entered your password again, for something that asks for it',
  },
  session_ended: { label: 'Session ended', result: 'done', sentence: () => 'You ended a session' },
  other_sessions_ended: {
    label: 'Other sessions ended',
    result: 'done',
    sentence: ({ details }) => `You ended ${sessionsText(details.ended_sessions, 'other ')}`,
  },
  all_sessions_ended: {
    label: 'All sessions ended',
    result: 'done',
    sentence: ({ details }) => `An operator ended ${sessionsText(details.ended_sessions, '')}`,
  },
  refresh_reuse: {
    label: 'Copied session',
    result: 'alert',
    sentence: () => 'A session was ended because its refresh token came a second time',
    more: () => 'Somebody may have had a copy of it. If you do not know why, change your password.',
  },
  api_key_rotated: {
    label: 'API key rotated',
    result: 'done',
    sentence: (event) => `${whoOf(event)} rotated the API key`,
    more: ({ details }) => (details.reason ? `Reason: ${details.reason}` : null),
  },
  api_key_renamed: {
    label: 'API key renamed',
    result: 'done',
    sentence: (event) => `${whoOf(event)} renamed the API key`,
    more: ({ details }) => fromToText(`“${details.from}”`, `“${details.to}”`),
  },
  allowlist_changed: {
    label: 'Allowlist changed',
    result: 'done',
    sentence: (event) => `${whoOf(event)} changed from where the API key may be used`,
    more: ({ details }) => fromToText(details.from, details.to),
  },
  address_refused: {
    label: 'API key refused: address',
    result: 'refused',
    sentence: (event) => `The API key came from an address that is not on its allowlist${timesText(event)}`,
  },
  key_in_browser: {
    label: 'API key refused: browser',
    result: 'refused',
    sentence: (event) => `The API key was used in a browser, where it does not belong${timesText(event)}`,
    more: () => 'Whoever opens that page can read the key. If it is yours, rotate the key.',
  },
  account_registered: { label: 'Account made', result: 'done', sentence: () => 'The account was made' },
  account_disabled: { label: 'Account disabled', result: 'done', sentence: () => 'An operator disabled the account' },
  account_enabled: {
    label: 'Account enabled',
    result: 'done',
    sentence: () => 'An operator enabled the account again',
  },
  password_changed: { label: 'Password changed', result: 'done', sentence: () => 'You changed the password' },
  password_reset: {
    label: 'Password reset',
    result: 'done',
    sentence: () => 'A new password was set through a mailed link',
  },
  reset_link_issued: {
    label: 'Link for a new password',
    result: 'done',
    sentence: () => 'An operator made a link for a new password',
  },
  email_change_requested: {
    label: 'E-mail change asked for',
    result: 'done',
    sentence: () => 'You asked for another e-mail address',
    more: ({ details }) => details.new_email ?? null,
  },
  email_changed: {
    label: 'E-mail changed',
    result: 'done',
    sentence: () => 'The e-mail address was changed',
    more: ({ details }) => fromToText(details.former_email, details.new_email),
  },
  data_exported: { label: 'Data exported', result: 'done', sentence: () => 'You exported your data' },
  sign_in_failed: {
    label: 'Wrong password',
    result: 'refused',
    sentence: (event) => `Wrong password at sign-in${timesText(event)}`,
  },
  reauthentication_failed: {
    label: 'Wrong password while signed in',
    result: 'refused',
    sentence: (event) => `Wrong password while signed in${timesText(event)}`,
  },
  limit_reached: {
    label: 'Limit reached',
    result: 'refused',
    sentence: (event) => `Too many requests or tries were turned away${timesText(event)}`,
  },
};

/** What can be filtered by, in the order in which it is offered. */
export const kindLabels = Object.entries(kinds).map(([kind, { label }]) => ({ kind: kind as EventKind, label }));

export interface EventText {
  sentence: string;
  more: string | null;
  result: Result;
}

/** Returns what an event says to the account's owner. */
export function eventText(event: AccountEvent): EventText {
  const text = kinds[event.kind] ?? unheardOf;
  return { sentence: text.sentence(event), more: text.more?.(event) ?? null, result: text.result };
}

/** Operators work at the command line, in no session. */
function whoOf({ session_id }: AccountEvent): string {
  return session_id === null ? 'An operator' : 'You';
}

/** Returns ", 5 times" for what happened more than once. */
function timesText({ count }: AccountEvent): string {
  return count === 1 ? '' : `, ${new Intl.NumberFormat().format(count)} times`;
}

function sessionsText(count: string | undefined, which: string): string {
  if (count === undefined) return `all ${which}sessions`;
  return `${count} ${which}${count === '1' ? 'session' : 'sessions'}`;
}

function fromToText(from: string | undefined, to: string | undefined): string | null {
  return from === undefined || to === undefined ? null : `From ${from} to ${to}`;
}

function sentenceCase(kind: string): string {
  const words = kind.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
