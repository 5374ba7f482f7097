/** The process's own clock. Rows that several nodes compare use the database's time instead (`Database.now`). */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

/** Returns a time in milliseconds since 1970 as people and programs are shown it: RFC 3339 in UTC with milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

export const systemClock: Clock = { now: () => Date.now() };
