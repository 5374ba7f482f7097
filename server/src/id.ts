import { randomBytes } from 'node:crypto';

/** What an id names; the prefix makes a pasted id recognisable in a log or a support message. */
export type IdPrefix = 'acc' | 'key' | 'ses' | 'doc' | 'ver' | 'evt' | 'inv' | 'out' | 'req';

/** Returns a new id such as `doc_9f86d081884c7d659a2feaa0c55ad015`: 128 random bits. An id is a name, never a secret. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`;
}

/** Returns the regular expression source that exactly the ids of this prefix match. */
export function idPattern(prefix: IdPrefix): string {
  return `^${prefix}_[0-9a-f]{32}$`;
}
