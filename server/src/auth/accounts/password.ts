import { randomBytes } from 'node:crypto';
import type { Algorithm } from '@node-rs/argon2';
import pLimit, { type LimitFunction } from 'p-limit';
import { AppError } from '../../app-error.ts';
import { createSignal } from '../../signal.ts';
import { hashPassword, verifyPassword } from './password-hashing.ts';
import { passwordWeakness } from './password-strength.ts';

/** NIST SP 800-63B-4 section 3.1.1.2: the minimum where a password is the only factor. Counted in code points. */
export const passwordMinLength = 15;
export const passwordMaxLength = 1024;

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane. */
const argon2id = 2 as Algorithm.Argon2id;
const cost = { algorithm: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** More would be more threads and 19 MiB each, and on two cores no more hashes a second. */
const concurrentHashes = 2;
/** Of each worker: that hashing and answering have as many threads each, however many cores and workers there are. */
const concurrentHashesOfWorker = 1;
/** For each at a time. About two seconds of work, checks of new passwords included; whoever comes later is better told to come back. */
const queuedHashes = 50;
const longestWaitMs = 3_000;

/** One run of argon2, to make a hash or to compare with one; `cost` is how the PHC string begins. */
export const passwordHashed = createSignal<{ cost: string; seconds: number }>('password-hashed');

export type Passwords = ReturnType<typeof createPasswords>;

/**
 * All password hashing of this process: at most two at a time, or one when it is one of several workers; a bounded queue;
 * then AppError `overloaded` (503).
 */
export function createPasswords({ severalWorkers = false } = {}) {
  const atOnce = severalWorkers ? concurrentHashesOfWorker : concurrentHashes;
  const limit = pLimit(atOnce);
  // Twice as many are enough to keep the hashes going.
  const attempts = pLimit(2 * atOnce);
  const queued = boundedQueue(limit, atOnce * queuedHashes);
  const inTurn = boundedQueue(attempts, atOnce * queuedHashes, longestWaitMs);
  /** The PHC string that an unknown address is compared with: of the same cost, and of nobody's password. */
  const decoy = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${phcBase64(16)}$${phcBase64(32)}`;

  return {
    /** Passwords being hashed and waiting for it, at this moment. */
    load: (): { hashing: number; waiting: number } => ({
      hashing: limit.activeCount,
      waiting: limit.pendingCount + attempts.pendingCount,
    }),

    /**
     * Refuses a new password that is too short, too long or guessable. Throws `validation_failed`, saying why.
     * @param owner the address of its account, which attackers try first, and where in the request the password stands
     */
    async requireGood(password: string, owner: { email: string; pointer: string }): Promise<void> {
      const typed = normalise(password);
      const detail = lengthFault(typed) ?? (await queued(() => passwordWeakness(typed, owner.email)));
      if (detail !== null) throw new AppError('validation_failed', { errors: [{ pointer: owner.pointer, detail }] });
    },

    /**
     * Runs an attempt to sign in when it is its turn. What comes before the hash writes to the database: were all to do
     * that at once, reads would wait behind a flood of them. Throws `overloaded` before `work` has begun.
     */
    inTurn,

    /** Returns the PHC string of a password. */
    hash: (password: string): Promise<string> =>
      queued(async () => {
        const startedMs = performance.now();
        const phc = await hashPassword(normalise(password), cost);
        tellHashed(phc, startedMs);
        return phc;
      }),

    /** Tells whether a password is the one of this PHC string; `null` stands for an unknown account and costs the same time. */
    async verify(phc: string | null, password: string): Promise<boolean> {
      const compared = phc ?? decoy;
      return queued(async () => {
        const startedMs = performance.now();
        const matches = await verifyPassword(compared, normalise(password));
        tellHashed(compared, startedMs);
        return phc !== null && matches;
      });
    },
  };
}

function tellHashed(phc: string, startedMs: number): void {
  if (!passwordHashed.isHeard()) return;
  const cost = /^(?:\$[^$]*){3}/.exec(phc)?.[0] ?? '';
  passwordHashed.tell({ cost, seconds: (performance.now() - startedMs) / 1000 });
}

/** Returns a bounded queue before a limit. Throws `overloaded` when it is full, and when a turn comes after more than `longestMs`. */
function boundedQueue(limit: LimitFunction, longest: number, longestMs = Number.POSITIVE_INFINITY) {
  return <T>(work: () => Promise<T>): Promise<T> => {
    if (limit.pendingCount >= longest) throw overloaded();
    const queuedAtMs = performance.now();
    return limit(() => {
      // On a slow or busy machine the queue is longer in time; whoever waits by then may have given up.
      if (performance.now() - queuedAtMs > longestMs) throw overloaded();
      return work();
    });
  };
}

function overloaded(): AppError {
  return new AppError('overloaded', {
    retryAfterSeconds: 2,
    detail: 'Too many sign-ins at this moment; try again shortly.',
  });
}

/** The same password typed on different systems arrives composed or decomposed (NIST SP 800-63B-4 section 3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFC');
}

function lengthFault(password: string): string | null {
  const length = Array.from(password).length;
  if (length < passwordMinLength)
    return `Must have at least ${passwordMinLength} characters; a few unrelated words do well.`;
  if (length > passwordMaxLength) return `Must have at most ${passwordMaxLength} characters.`;
  return null;
}

/** Returns so many random bytes as the PHC string format writes them: base64 without padding. */
function phcBase64(bytes: number): string {
  return randomBytes(bytes).toString('base64').replace(/=+$/, '');
}
