/** The last event of a page: the next page holds what is older. */
export interface EventCursor {
  /** Milliseconds since 1970. */
  at: number;
  id: string;
}

export function encodeEventCursor({ at, id }: EventCursor): string {
  return Buffer.from(`${at}.${id}`).toString('base64url');
}

/** Returns the cursor that `encodeEventCursor` made this text of, or null when it made no such text. */
export function decodeEventCursor(text: string): EventCursor | null {
  const match = /^(\d{1,15})\.(evt_[0-9a-f]{32})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (!match) return null;
  const cursor = { at: Number(match[1]), id: match[2] ?? '' };
  // base64 decoders overlook stray characters; only the one spelling counts.
  return encodeEventCursor(cursor) === text ? cursor : null;
}
