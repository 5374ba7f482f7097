import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Makes the use of the database inside a transaction without its `trx` loud. With one connection such a query waits for
 * the transaction that is waiting for it; with several it does so as soon as all of them are in transactions.
 */
export class TransactionGuard {
  readonly #inside = new AsyncLocalStorage<{ acquired: boolean }>();

  /** Runs `work`, in which exactly one connection may be acquired: the transaction's own. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside.getStore()) throw new Error('A transaction was started inside a transaction.');
    return this.#inside.run({ acquired: false }, work);
  }

  /** To be called before a connection is acquired. Throws inside a transaction that has its own already. */
  noteAcquired(): void {
    const transaction = this.#inside.getStore();
    if (transaction?.acquired) throw new Error('The database was used inside a transaction without its `trx`.');
    if (transaction) transaction.acquired = true;
  }
}
