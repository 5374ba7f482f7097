/** The process's own clock. Rows that several nodes compare use the database's time instead (`Database.now`). */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const dayMs = 24 * 3_600_000;
/** Days kept, of which a page of a list has a few. */
const keptDays = 1_000;
const dates = new Map<number, string>();
const digits = (number: number, length: number): string => String(number).padStart(length, '0');
/** What a text has of each minute of the day, each second of the minute, each millisecond of the second. */
const minutes = Array.from({ length: 24 * 60 }, (_, of) => `T${digits(Math.floor(of / 60), 2)}:${digits(of % 60, 2)}:`);
const seconds = Array.from({ length: 60 }, (_, of) => digits(of, 2));
const milliseconds = Array.from({ length: 1_000 }, (_, of) => `.${digits(of, 3)}Z`);

let last = { ms: 0, text: '1970-01-01T00:00:00.000Z' };

/**
 * Returns a time in whole milliseconds since 1970 as people and programs are shown it: RFC 3339 in UTC with milliseconds.
 * A page of a list has forty of them, and by Date they would take as long as the reading of its rows. Half of these are as
 * the one before: of documents that nobody has changed.
 */
export function isoTime(ms: number): string {
  if (ms !== last.ms) last = { ms, text: composeTime(ms) };
  return last.text;
}

function composeTime(ms: number): string {
  const day = Math.floor(ms / dayMs);
  const ofDay = ms - day * dayMs;
  const minute = minutes[Math.floor(ofDay / 60_000)];
  return `${isoDate(ms)}${minute}${seconds[Math.floor(ofDay / 1_000) % 60]}${milliseconds[ofDay % 1_000]}`;
}

/** Returns the UTC day of a time in milliseconds since 1970, such as `2026-01-31`. */
export function isoDate(ms: number): string {
  const day = Math.floor(ms / dayMs);
  let date = dates.get(day);
  if (date === undefined) {
    [date = ''] = new Date(day * dayMs).toISOString().split('T', 1);
    if (dates.size >= keptDays) dates.clear();
    dates.set(day, date);
  }
  return date;
}

export const systemClock: Clock = { now: () => Date.now() };
