/** What is recorded one by one, in the transaction of what it tells of. */
export const recordedKinds = [
  'account_registered',
  'account_disabled',
  'account_enabled',
  'signed_in',
  'signed_out',
  'reauthenticated',
  'session_ended',
  'other_sessions_ended',
  'all_sessions_ended',
  'refresh_reuse',
  'api_key_rotated',
  'api_key_renamed',
  'allowlist_changed',
  'password_changed',
  'password_reset',
  'reset_link_issued',
  'email_change_requested',
  'email_changed',
  'data_exported',
] as const;

/** What anybody can cause without end, and so is gathered: one event for each subject, kind, address and hour, with a count. */
export const gatheredKinds = [
  'sign_in_failed',
  'reauthentication_failed',
  'key_in_browser',
  'address_refused',
  'limit_reached',
] as const;

type RecordedKind = (typeof recordedKinds)[number];
type GatheredKind = (typeof gatheredKinds)[number];
export type EventKind = RecordedKind | GatheredKind;

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
  /** Names the request in the log; not stored. */
  requestId?: string;
}

/** Something refused, to be gathered. */
export interface Refusal {
  /** `null` when it concerns nobody we know: then it goes to the log alone. */
  accountId: string | null;
  apiKeyId?: string;
  kind: GatheredKind;
  address: string;
  userAgent: string;
}

/** Refusals of one subject, kind and address within one hour. Times are milliseconds since 1970. */
export interface GatheredRefusals {
  accountId: string | null;
  apiKeyId: string | null;
  kind: GatheredKind;
  /** `null` for those from more addresses than are told apart. */
  address: string | null;
  userAgent: string | null;
  count: number;
  firstAt: number;
  lastAt: number;
}

export const hourMs = 3_600_000;

/** Most addresses told apart for an account, kind and hour, so that nobody fills the log of another by changing address. */
export const addressesPerHour = 50;

/** An event as the account it belongs to sees it. */
export interface EventView {
  id: string;
  kind: EventKind;
  /** Milliseconds since 1970, as is last_at. */
  at: number;
  last_at: number;
  count: number;
  address: string | null;
  user_agent: string | null;
  session_id: string | null;
  api_key_id: string | null;
  details: Record<string, string>;
}
