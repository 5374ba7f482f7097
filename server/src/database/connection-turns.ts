import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';

/** A busy program's transactions take milliseconds; who waits this long for the write lock is told to come back. */
export const lockPatienceMs = 5_000;
/** Most statements waiting for the write lock; each keeps a request, an upload's with 256 KiB, in memory. */
export const longestLockLine = 256;
const longestPauseMs = 25;

/**
 * Whose turn it is on the one connection, and how a statement waits while another process holds the write lock: not inside
 * SQLite, which would stand still with the whole process, but with the connection given back to the others. Reads need no
 * lock, so they go on meanwhile.
 */
export class ConnectionTurns {
  readonly #patienceMs: number;
  #taken = false;
  readonly #waiting: (() => void)[] = [];
  /** Only its head asks for the lock, so that waiting costs little and whoever came first gets it first. */
  readonly #lockLine = pLimit(1);

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  async take(): Promise<void> {
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }

  /** Runs a statement in a turn of its own; throws as `whenUnlocked` does. */
  inOwnTurn<T>(run: () => T): T | Promise<T> {
    // Nearly always nobody has the connection, and nobody can get it while this runs: a turn would be a handful of promises.
    if (!this.#taken) {
      try {
        return run();
      } catch (error) {
        if (!isLocked(error)) throw error;
      }
    }
    return this.#waitForTurn(run);
  }

  async #waitForTurn<T>(run: () => T): Promise<T> {
    await this.take();
    try {
      return await this.whenUnlocked(run);
    } finally {
      this.giveBack();
    }
  }

  /**
   * Runs a statement outside a transaction, or one that begins it. The caller has the connection, now and afterwards,
   * but not throughout. Throws what `run` throws: SQLITE_BUSY after `patienceMs`, or at once when too many wait already.
   */
  async whenUnlocked<T>(run: () => T): Promise<T> {
    try {
      return run();
    } catch (error) {
      if (!isLocked(error) || this.#lockLine.pendingCount >= longestLockLine) throw error;
    }
    const deadlineMs = performance.now() + this.#patienceMs;
    this.giveBack();
    return this.#lockLine(async () => {
      for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        await delay(pauseMs);
        await this.take();
        try {
          return run();
        } catch (error) {
          if (!isLocked(error) || performance.now() > deadlineMs) throw error;
        }
        this.giveBack();
      }
    });
  }
}

function isLocked(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number };
  const sqliteBusy = 5;
  return code === 'ERR_SQLITE_ERROR' && errcode !== undefined && (errcode & 0xff) === sqliteBusy;
}
