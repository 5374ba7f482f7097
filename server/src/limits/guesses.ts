import { AppError } from '../app-error.ts';
import type { Device } from '../auth/sessions/sessions.ts';
import type { Transaction } from '../database/database.ts';
import { neighbourhoodOf } from '../edge/address-group.ts';
import type { Events } from '../events/events.ts';
import { emailKey } from './limits.ts';

/** Whose password is guessed, and where from. */
export interface Guesser {
  /** What the address is counted under: it may be nobody's. */
  emailKey: string;
  /** An IPv4 /24 or IPv6 /64. */
  neighbourhood: string;
}

export interface GuessStore {
  /**
   * Counts one try as wrong, before anybody knows, so that parallel ones cannot slip through.
   * Returns 0, or the milliseconds to wait when it may not be made; then nothing was counted.
   */
  reserve(guesser: Guesser, email: string): Promise<number>;
  /** Takes back a try that proved nothing. */
  giveBack(guesser: Guesser): Promise<void>;
  /** Forgets the wrong tries of a neighbourhood, and remembers that the account has been in from there. */
  welcome(trx: Transaction, guesser: Guesser, accountId: string): Promise<void>;
  /** Takes one try off the day's failures. */
  forgiveOne(trx: Transaction, guesser: Guesser): Promise<void>;
  findAccountId(email: string): Promise<string | null>;
  purge(stop?: AbortSignal): Promise<void>;
}

/** To be called in the transaction of what the right password brings. */
export type Succeed = (trx: Transaction, accountId: string) => Promise<void>;

export type Guesses = ReturnType<typeof createGuesses>;

/**
 * Bounds the guessing of passwords, on all processes together: each wrong one makes that e-mail address wait longer in
 * that neighbourhood, and after a hundred a day, only neighbourhoods it has signed in from may go on. An address that is
 * nobody's fares the same, to the byte.
 */
export function createGuesses(store: GuessStore, events: Pick<Events, 'gather'>) {
  const guesserOf = (email: string, address: string): Guesser => ({
    emailKey: emailKey(email),
    neighbourhood: neighbourhoodOf(address),
  });

  return {
    /**
     * Runs `prove`, which compares a password and throws `invalid_credentials` when it is wrong; other throws cost nothing.
     * Throws AppError `rate_limited` without running it while this address must wait, and `unavailable` when that cannot be told.
     */
    async attempt<T>(email: string, device: Device, prove: (succeed: Succeed) => Promise<T>): Promise<T> {
      const guesser = guesserOf(email, device.address);
      const waitMs = await store.reserve(guesser, email);
      if (waitMs > 0) {
        events.gather({ accountId: await store.findAccountId(email), kind: 'limit_reached', ...device });
        throw new AppError('rate_limited', {
          detail: 'Too many wrong passwords. Wait, or have a link mailed to you.',
          retryAfterSeconds: Math.ceil(waitMs / 1000),
        });
      }
      let succeeded = false;
      try {
        return await prove(async (trx, accountId) => {
          succeeded = true;
          await store.welcome(trx, guesser, accountId);
          await store.forgiveOne(trx, guesser);
        });
      } catch (error) {
        const isWrong = error instanceof AppError && error.code === 'invalid_credentials';
        // What led here matters more than a try too many.
        if (!isWrong && !succeeded) await store.giveBack(guesser).catch(() => {});
        throw error;
      }
    },

    /** Has an account's address tried from a neighbourhood where its owner has just proved it by other means, as by a mailed link. */
    welcome: (trx: Transaction, account: { id: string; email: string }, address: string): Promise<void> =>
      store.welcome(trx, guesserOf(account.email, address), account.id),

    /** Forgets neighbourhoods that are older than the retention allows. */
    purge: (stop?: AbortSignal): Promise<void> => store.purge(stop),
  };
}
