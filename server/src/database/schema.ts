import type { Generated } from '#kysely';

/** Times are milliseconds since 1970 (UTC) by the database's clock unless a column says otherwise. */
export interface Schema {
  accounts: {
    id: string;
    /** Lower case, NFC; unique. */
    email: string;
    /** PHC string, `$argon2id$…`. */
    password_hash: string;
    created_at: number;
    disabled_at: number | null;
  };
  /** One-time links that let an address sign up while sign-up is closed. */
  invitations: {
    /** SHA-256 of the token, hex. */
    hash: string;
    email: string;
    expires_at: number;
  };
  api_keys: {
    id: string;
    account_id: string;
    name: string;
    /** SHA-256 of the key, hex; unique. */
    hash: string;
    /** `ink_1a2b…9f0e`: what may be shown of the key. */
    hint: string;
    created_at: number;
    rotated_at: number | null;
    /** By the process's clock, a few seconds late: gathered in memory. */
    last_used_at: number | null;
    last_used_ip: string | null;
    /** JSON array of canonical addresses and CIDRs, not empty; `null`: any address may use the key. */
    allowed_ips: string | null;
  };
  /** Addresses that have used a key, a row a day; gathered in memory. */
  api_key_addresses: {
    api_key_id: string;
    /** `2026-01-31`, UTC. */
    day: string;
    address: string;
    /** By the process's clock. */
    last_used_at: number;
  };
  sessions: {
    id: string;
    account_id: string;
    created_at: number;
    /** Last register, login or reauthentication. */
    authenticated_at: number;
    /** Last refresh, or gathered use; the idle limit counts from here. */
    last_active_at: number;
    ended_at: number | null;
    address: string;
    user_agent: string;
  };
  refresh_tokens: {
    /** SHA-256 of the token, hex. */
    hash: string;
    session_id: string;
    /** When it was first presented to /auth/refresh. */
    used_at: number | null;
    /** Hex; with the token itself it gives the successor. Gone once the successor is used or 10 s have passed. */
    successor_nonce: string | null;
  };
  documents: {
    id: string;
    account_id: string;
    title: string;
    /** The title as the search compares it: NFKC, lower case. */
    title_search: string;
    filename: string;
    content_type: string;
    version_id: string;
    size: number;
    /** SHA-256 of the bytes, hex. */
    sha256: string;
    created_at: number;
    updated_at: number;
  };
  /** Bytes of one upload: immutable once a document points at them. */
  content_versions: {
    id: string;
    account_id: string;
    /** Bytes written so far. */
    size: number;
    /** `null` while a document points here; otherwise when a writer or reader last held it. */
    released_at: number | null;
  };
  content_chunks: {
    version_id: string;
    /** 0, 1, 2, …; every chunk but the last has exactly `chunkBytes` bytes. */
    seq: number;
    bytes: Uint8Array;
  };
  storage_usage: {
    account_id: string;
    document_count: Generated<number>;
    /** Bytes that documents point at: what the quota counts. */
    document_bytes: number;
    /** Bytes of every chunk row, uploads in progress and replaced versions included. */
    stored_bytes: number;
  };
  idempotency_keys: {
    account_id: string;
    key: string;
    /** Names the request that holds the row while it is in progress. */
    holder: string;
    /** In progress until then; another request may take the row over afterwards. */
    lease_until: number;
    /** `null` while in progress. */
    fingerprint: string | null;
    document_id: string | null;
    /** The document as it was first answered, JSON. */
    response: string | null;
    created_at: number;
  };
  events: {
    id: string;
    account_id: string;
    kind: string;
    at: number;
    address: string | null;
    session_id: string | null;
    api_key_id: string | null;
    /** JSON object of further facts, never a secret. */
    details: Generated<string>;
    user_agent: string | null;
    /** How many times it happened, for what is gathered; else 1. */
    count: Generated<number>;
    /** When it happened last, for what is gathered. */
    last_at: number | null;
    /** Subject, kind, address and hour of what is gathered; unique. */
    gather_key: string | null;
  };
  /** Secrets that a rotation replaced, to tell who still uses one. */
  retired_api_keys: {
    /** SHA-256 of the former key, hex. */
    hash: string;
    api_key_id: string;
    account_id: string;
    rotated_at: number;
    attempts: Generated<number>;
    /** By the process's clock, a few seconds late. */
    last_attempt_at: number | null;
    last_attempt_ip: string | null;
  };
  usage_days: {
    account_id: string;
    /** `2026-01-31`, UTC. */
    day: string;
    scheme: string;
    outcome: string;
    count: number;
  };
  /** Links that prove an e-mail address: single use, 30 minutes. */
  mailed_links: {
    /** SHA-256 of the token, hex. */
    hash: string;
    purpose: string;
    email: string;
    /** `null` while the account is only to be made. */
    account_id: string | null;
    /** Of the account to be made. */
    password_hash: string | null;
    expires_at: number;
  };
  /** Mail to be sent, committed with what caused it. Holds no token: the sender makes it as it sends. */
  outbox: {
    id: string;
    kind: string;
    recipient: string;
    account_id: string | null;
    /** Of the account that a sign-up asks for. */
    password_hash: string | null;
    /** JSON object of what the text mentions, never a secret. */
    details: Generated<string>;
    created_at: number;
    attempts: Generated<number>;
    /** Not before then; pushed ahead by whoever is sending it. */
    due_at: number;
  };
  /** Where an account has signed in from, so that guesses made elsewhere cannot lock its owner out. */
  sign_in_addresses: {
    account_id: string;
    /** An IPv4 /24 or IPv6 /64. */
    address_group: string;
    last_at: number;
  };
  /** Limits that all processes on this database share. */
  limit_counters: {
    key: string;
    points: number;
    expires_at: number | null;
  };
}
