import { AppError } from './app-error.ts';
import type { Database } from './database/database.ts';

/** Whether requests should be sent here. */
export interface Readiness {
  /** Throws AppError `unavailable` when the database cannot be read, and once this process is about to stop. */
  check(): Promise<void>;
  /** From now on it is not ready, though it goes on answering: balancers are to notice before it stops listening. */
  leave(): void;
}

export function createReadiness(database: Pick<Database, 'probe'>): Readiness {
  let leaving = false;
  return {
    async check() {
      if (leaving) throw new AppError('unavailable', { detail: 'This process is about to stop.' });
      await database.probe();
    },
    leave() {
      leaving = true;
    },
  };
}
