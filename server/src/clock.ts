/** The process's own clock. Rows that several nodes compare use the database's time instead (`Database.now`). */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
