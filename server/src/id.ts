import { randomBytes, randomFillSync } from 'node:crypto';

/** What an id names; the prefix makes a pasted id recognisable in a log or a support message. */
export type IdPrefix = 'acc' | 'key' | 'ses' | 'doc' | 'ver' | 'evt' | 'out' | 'req';

/** Returns a new id such as `doc_9f86d081884c7d659a2feaa0c55ad015`: 128 random bits. An id is a name, never a secret. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`;
}

/** Each request needs an id, and asking for random bytes takes longer than using them: they are fetched for many at once. */
const random = Buffer.alloc(256 * 16);
let used = random.length;

/** Returns a new id of a request, of the same form. */
export function newRequestId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += 16;
  return `req_${random.toString('hex', used - 16, used)}`;
}

let latestMs = 0;
let ofLatestMs = 0;

/**
 * Returns an id of the same form that sorts after every one that this process has returned before, for rows whose order
 * tells something: two of them may be of the same millisecond. 64 random bits; the rest is the time and a count.
 */
export function newOrderedId(prefix: IdPrefix): string {
  const now = Math.max(Date.now(), latestMs);
  // A count that is full borrows from the next millisecond.
  const isFull = now === latestMs && ofLatestMs === 0xffff;
  ofLatestMs = now === latestMs && !isFull ? ofLatestMs + 1 : 0;
  latestMs = isFull ? now + 1 : now;
  const [time, count] = [latestMs.toString(16).padStart(12, '0'), ofLatestMs.toString(16).padStart(4, '0')];
  return `${prefix}_${time}${count}${randomBytes(8).toString('hex')}`;
}

/** Returns the regular expression source that exactly the ids of this prefix match. */
export function idPattern(prefix: IdPrefix): string {
  return `^${prefix}_[0-9a-f]{32}$`;
}
