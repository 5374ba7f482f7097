/** Who caused a change, for the audit log. */
export interface Actor {
  address: string | null;
  userAgent: string | null;
  sessionId: string | null;
  /** Names the request in the log. */
  requestId?: string;
}

/** Somebody at the command line. */
export const operator: Actor = { address: null, userAgent: null, sessionId: null };
