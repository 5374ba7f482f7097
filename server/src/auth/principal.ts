/** Who is calling. Both schemes end here; after that nobody asks how the caller knocked. */
export type Principal = ApiKeyPrincipal | BearerPrincipal;

interface Caller {
  accountId: string;
  email: string;
  accountCreatedAt: number;
}

export interface ApiKeyPrincipal extends Caller {
  scheme: 'api_key';
  apiKeyId: string;
  /** The key's allowlist as its row has it; null: any address may use the key. */
  allowlist: string | null;
}

export interface BearerPrincipal extends Caller {
  scheme: 'bearer';
  sessionId: string;
  /** Seconds since the last register, login or reauthentication of this session, by the database's clock. */
  authenticatedSecondsAgo: number;
}
