import { AppError } from '../app-error.ts';

/** Whoever has waited this long for their turn is told to come back. */
const patienceMs = 5_000;

/**
 * Returns a function that has work of the same account done one after the other in this process, first come first served;
 * other accounts' goes on meanwhile. All of it changes the one row that counts the account's bytes: were it to wait for
 * that in the database, one account's parallel uploads would take every connection. Throws AppError `unavailable` when
 * the turn comes too late.
 */
export function createAccountTurns(): <T>(accountId: string, work: () => Promise<T>) => Promise<T> {
  const lastOf = new Map<string, Promise<void>>();
  return (accountId, work) => {
    const queuedMs = performance.now();
    const done = (lastOf.get(accountId) ?? Promise.resolve()).then(() => {
      if (performance.now() - queuedMs > patienceMs) throw new AppError('unavailable', { retryAfterSeconds: 1 });
      return work();
    });
    const settled = done.then(
      () => {},
      () => {},
    );
    lastOf.set(accountId, settled);
    void settled.then(() => {
      if (lastOf.get(accountId) === settled) lastOf.delete(accountId);
    });
    return done;
  };
}
