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
  return `${at}.${id}`;
}

const form = /^(0|[1-9]\d{0,14})\.(([a-z]{3})_[0-9a-f]{32})$/;

/**
 * Returns the cursor that a text stands for, or null for the first page, which needs none. Throws `validation_failed`
 * when `encodeCursor` made no such text of an id of this prefix.
 */
export function decodeCursor(text: string | undefined, prefix: IdPrefix): PageCursor | null {
  if (text === undefined) return null;
  const match = form.exec(text);
  if (match?.[3] === prefix) return { at: Number(match[1]), id: match[2] ?? '' };
  const detail = 'Send the next_cursor of the page before, unchanged.';
  throw new AppError('validation_failed', { errors: [{ pointer: '/cursor', detail }] });
}
