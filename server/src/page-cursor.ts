import { AppError } from './app-error.ts';
import type { IdPrefix } from './id.ts';

/** The last row of a page of a list, newest first: the next page holds what is older. */
export interface PageCursor {
  /** When the row was made, milliseconds since 1970. */
  at: number;
  id: string;
}

/** Returns a cursor as clients send it back. */
export function encodeCursor({ at, id }: PageCursor): string {
  return Buffer.from(`${at}.${id}`).toString('base64url');
}

const form = /^(\d{1,15})\.(([a-z]{3})_[0-9a-f]{32})$/;

/**
 * Returns the cursor that a text stands for, or null for the first page, which needs none. Throws `validation_failed`
 * when `encodeCursor` made no such text of an id of this prefix.
 */
export function decodeCursor(text: string | undefined, prefix: IdPrefix): PageCursor | null {
  if (text === undefined) return null;
  const match = form.exec(Buffer.from(text, 'base64url').toString('latin1'));
  const cursor = { at: Number(match?.[1]), id: match?.[2] ?? '' };
  // base64 decoders overlook stray characters; only the one spelling counts.
  if (match?.[3] === prefix && encodeCursor(cursor) === text) return cursor;
  const detail = 'Send the next_cursor of the page before, unchanged.';
  throw new AppError('validation_failed', { errors: [{ pointer: '/cursor', detail }] });
}
