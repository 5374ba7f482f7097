import { Type } from '#typebox';
import { isoTime } from '../clock.ts';
import { sessionOf } from '../http/authentication.ts';
import type { HttpServer } from '../http/server.ts';
import { Timestamp } from '../http/timestamp.ts';
import { idPattern } from '../id.ts';
import { decodeCursor, encodeCursor } from '../page-cursor.ts';
import { type EventView, gatheredKinds, recordedKinds } from './event.ts';
import type { Events } from './events.ts';

const path = '/api/v1/events/';

const Kind = Type.Enum([...recordedKinds, ...gatheredKinds]);
const TextOrNull = Type.Union([Type.String(), Type.Null()]);

const Event = Type.Object(
  {
    id: Type.String({ pattern: idPattern('evt') }),
    kind: Kind,
    at: Timestamp,
    last_at: Type.String({ format: 'date-time', description: 'When it happened last; `at`, unless it was gathered.' }),
    count: Type.Integer({
      minimum: 1,
      description: 'How often: refusals of one kind from one address within an hour are one event.',
    }),
    address: Type.Union([Type.String(), Type.Null()], {
      description:
        'Null when an operator did it, when there were too many addresses to tell apart, and once the event has grown old.',
    }),
    user_agent: TextOrNull,
    session_id: TextOrNull,
    api_key_id: TextOrNull,
    details: Type.Object({}, { additionalProperties: Type.String() }),
  },
  { additionalProperties: false },
);

const exampleEvent = {
  id: 'evt_9f86d081884c7d659a2feaa0c55ad015',
  kind: 'api_key_rotated' as const,
  at: '2026-01-31T12:00:00.000Z',
  last_at: '2026-01-31T12:00:00.000Z',
  count: 1,
  address: '203.0.113.7',
  user_agent: 'Mozilla/5.0',
  session_id: 'ses_2c26b46b68ffc68ff99b453c1d304134',
  api_key_id: 'key_fcde2b2edba56bf408601fb721fe9b5c',
  details: { reason: 'pasted into a chat' },
};

export function eventRoutes(server: HttpServer, events: Events, publicUrl: string): void {
  server.get(
    '/events/',
    {
      config: { access: 'bearer' },
      schema: {
        operationId: 'listEvents',
        summary: 'The account’s audit log',
        description:
          'Who signed in, changed the key, the password or the address, and what was refused: when, from where and with what. Nothing is ever changed in it. Refusals appear a few seconds late.',
        tags: ['Audit log'],
        querystring: Type.Object({
          kind: Type.Optional(
            Type.Enum([...recordedKinds, ...gatheredKinds], { description: 'Only events of this one kind.' }),
          ),
          limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
          cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
        }),
        response: {
          200: Type.Object(
            {
              items: Type.Array(Event),
              next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page.' }),
            },
            {
              description: 'One page of events, newest first.',
              additionalProperties: false,
              headers: { Link: { type: 'string', description: 'RFC 8288: the next page, as `rel="next"`.' } },
              examples: [{ items: [exampleEvent], next_cursor: null }],
            },
          ),
        },
      },
    },
    async (request, reply) => {
      const { kind, limit, cursor } = request.query;
      const after = decodeCursor(cursor, 'evt');
      const { items, next } = await events.list(sessionOf(request).accountId, kind ?? null, limit, after);
      const nextCursor = next && encodeCursor(next);
      if (nextCursor !== null) {
        const query = new URLSearchParams({ ...(kind && { kind }), limit: String(limit), cursor: nextCursor });
        reply.header('Link', `<${publicUrl}${path}?${query}>; rel="next"`);
      }
      return { items: items.map(toAnswer), next_cursor: nextCursor };
    },
  );
}

function toAnswer(event: EventView) {
  return { ...event, at: isoTime(event.at), last_at: isoTime(event.last_at) };
}
