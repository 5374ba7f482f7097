import type { Logger } from 'pino';
import type { Passwords } from '../auth/accounts/password.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../database/database.ts';

/** What a serving process does in its own way when it is one of several. */
export interface Role {
  /** Its number, from 1; null when it serves alone. */
  worker: number | null;
  /** Sees to it that the database has this program's schema. Throws, saying why, when it cannot be used. */
  prepare(database: Database, log: Pick<Logger, 'info' | 'warn'>): Promise<void>;
  /** Starts counting, where that is configured; returns the function that ends it. */
  startMetrics(passwords: Pick<Passwords, 'load'>, config: Config): Promise<() => Promise<void>>;
  /** Tells that it listens. */
  announce(config: Config): void;
}
