/** What is recorded one by one, in the transaction of what it tells of. */
export const recordedKinds = [
  'account_registered',
  'account_disabled',
  'account_enabled',
  'signed_in',
  'signed_out',
  'session_ended',
  'other_sessions_ended',
  'refresh_reuse',
  'api_key_rotated',
  'password_changed',
  'password_reset',
  'email_change_requested',
  'email_changed',
  'data_exported',
] as const;

/** What anybody can cause without end, and so is gathered: one event for each subject, kind, address and hour, with a count. */
export const gatheredKinds = ['sign_in_failed', 'reauthentication_failed', 'key_in_browser', 'limit_reached'] as const;

export type RecordedKind = (typeof recordedKinds)[number];
export type GatheredKind = (typeof gatheredKinds)[number];

/** An event to be recorded. */
export interface NewEvent {
  accountId: string;
  kind: RecordedKind;
  /** `null` when an operator did it at the command line. */
  address: string | null;
  userAgent: string | null;
  sessionId: string | null;
  apiKeyId: string | null;
  /** Further facts, never a secret. */
  details: Record<string, string>;
}
