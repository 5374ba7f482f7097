import { Type } from '#typebox';
import type { Precondition } from './documents.ts';
import { matchesStrongly } from './entity-tag.ts';

/** For a route's `schema.headers`. */
export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ description: 'Do it only while the document’s bytes have one of these ETags (RFC 9110).' }),
  ),
});

/** Returns the condition that a request's If-Match header sets; without one, anything is as expected. */
export function ifMatch(headers: { 'if-match'?: string | undefined }): Precondition {
  const header = headers['if-match'];
  return header === undefined ? () => true : (sha256) => matchesStrongly(header, sha256);
}
