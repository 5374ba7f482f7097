/** The last document of a page: the next page holds what is older. */
export interface DocumentCursor {
  /** Milliseconds since 1970. */
  createdAt: number;
  id: string;
}

export function encodeCursor({ createdAt, id }: DocumentCursor): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/** Returns the cursor that `encodeCursor` made this text of, or null when it made no such text. */
export function decodeCursor(text: string): DocumentCursor | null {
  const match = /^(\d{1,15})\.(doc_[0-9a-f]{32})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
  if (!match) return null;
  const cursor = { createdAt: Number(match[1]), id: match[2] ?? '' };
  // base64 decoders overlook stray characters; only the one spelling counts.
  return encodeCursor(cursor) === text ? cursor : null;
}
