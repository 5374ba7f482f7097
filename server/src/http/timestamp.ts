import { Type } from 'typebox';

/** RFC 3339 in UTC with milliseconds. */
export const Timestamp = Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] });

/** Returns a time in milliseconds since 1970 as the API shows it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
