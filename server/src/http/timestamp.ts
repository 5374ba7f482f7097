import { Type } from '#typebox';

/** As `isoTime` writes it. */
export const Timestamp = Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] });
