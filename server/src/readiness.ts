import { AppError } from './app-error.ts';
import type { Clock } from './clock.ts';
import { clockFault, clockOffsetMs } from './clock-check.ts';
import type { Database } from './database/database.ts';
import type { EventLog } from './log.ts';

/** Whether requests should be sent here. */
export interface Readiness {
  /**
   * Throws AppError `unavailable` when the database cannot be read, and `not_ready`, saying why, when its clock and this
   * process's are too far apart and once this process is about to stop.
   */
  check(): Promise<void>;
  /** Returns what is wrong with this process's clock, or null. Throws AppError `unavailable` when the database cannot be read. */
  compareClocks(): Promise<string | null>;
  /** From now on it is not ready, though it goes on answering: balancers are to notice before it stops listening. */
  leave(): void;
}

/** @param log is told when the clocks part, and when they agree again */
export function createReadiness(database: Pick<Database, 'probe'>, clock: Clock, log: EventLog): Readiness {
  let leaving = false;
  let clocksAgree = true;

  async function compareClocks(): Promise<string | null> {
    const offsetMs = await clockOffsetMs(() => database.probe(), clock);
    const fault = clockFault(offsetMs);
    if (clocksAgree !== (fault === null)) {
      clocksAgree = fault === null;
      if (fault === null) log.info("this node's clock and the database's agree again");
      else log.warn({ offset_ms: offsetMs }, fault);
    }
    return fault;
  }

  return {
    async check() {
      if (leaving) throw new AppError('not_ready', { detail: 'This process is about to stop.' });
      const fault = await compareClocks();
      // Nothing but the end of access tokens is judged by this clock; but what is wrong by minutes may soon be by hours.
      if (fault !== null) throw new AppError('not_ready', { detail: fault });
    },
    compareClocks,
    leave() {
      leaving = true;
    },
  };
}
