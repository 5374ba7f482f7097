import { unavailable } from './postgres-errors.ts';

/** For so long a doubt costs a wait and no 503: a statement may have been slow for reasons of its own. */
const graceMs = 500;
/** Between two questions to a server that is silent. */
const pauseMs = 100;

/**
 * Whether a server still answers. A doubt begins when it was silent for too long, and ends when a question is answered that
 * is asked meanwhile over and over. Until then nobody waits for a connection: one request's statement after another would
 * be silent for as long, so that a request of several would take several times that.
 */
export class PostgresDoubt {
  readonly #isAnswering: (stop: AbortSignal) => Promise<boolean>;
  readonly #closed = new AbortController();
  readonly #inLine = new Set<() => void>();
  /** Resolves when the doubt is over, and rejects when it has lasted for too long. Null: there is none. */
  #doubt: PromiseWithResolvers<void> | null = null;

  /** @param isAnswering asks the server something; false when there was no answer in time, or `stop` came first */
  constructor(isAnswering: (stop: AbortSignal) => Promise<boolean>) {
    this.#isAnswering = isAnswering;
  }

  /** To be called when the server was silent for too long. */
  begin(): void {
    if (this.#doubt !== null || this.#closed.signal.aborted) return;
    this.#doubt = Promise.withResolvers();
    void this.#settle(this.#doubt);
  }

  /** Waits until there is no doubt. Throws AppError `unavailable` when that takes long, and at once when it has done so already. */
  async pass(): Promise<void> {
    await this.#doubt?.promise;
  }

  /** Returns what `waiting` becomes. Throws AppError `unavailable` when a doubt lasts long meanwhile. */
  unlessSilent<T>(waiting: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(silent());
      this.#inLine.add(refuse);
      const leave = (): void => void this.#inLine.delete(refuse);
      waiting.then(resolve, reject).finally(leave);
    });
  }

  /** Ends a doubt, and the question that is being asked. */
  close(): void {
    this.#closed.abort();
  }

  async #settle(doubt: PromiseWithResolvers<void>): Promise<void> {
    // Nobody may be waiting.
    doubt.promise.catch(() => {});
    let grace: NodeJS.Immediate | undefined;
    const timer = setTimeout(() => {
      // After a long turn of this process's own, what has arrived meanwhile is read first.
      grace = setImmediate(() => this.#tell(doubt));
    }, graceMs);
    const { signal } = this.#closed;
    while (!signal.aborted && !(await this.#isAnswering(signal))) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
    }
    clearTimeout(timer);
    clearImmediate(grace);
    this.#doubt = null;
    doubt.resolve();
  }

  #tell(doubt: PromiseWithResolvers<void>): void {
    doubt.reject(silent());
    for (const refuse of [...this.#inLine]) refuse();
  }
}

function silent(): Error {
  return unavailable(new Error('PostgreSQL does not answer.'));
}
