import { Type } from '#typebox';
import { isoTime } from '../../clock.ts';
import { sessionOf } from '../../http/authentication.ts';
import { actorOf } from '../../http/device.ts';
import type { HttpServer } from '../../http/server.ts';
import { Timestamp } from '../../http/timestamp.ts';
import { idPattern } from '../../id.ts';
import { deviceName } from './device-name.ts';
import { listedSessions, type OwnSessions } from './own-sessions.ts';

const tags = ['Sessions'];

const SessionItem = Type.Object(
  {
    id: Type.String({ pattern: idPattern('ses') }),
    address: Type.String({ description: 'Where it was last active.' }),
    user_agent: Type.String({ description: 'What the client called itself when it signed in.' }),
    device: Type.String({ description: 'The same for people.', examples: ['Firefox on Linux'] }),
    created_at: Timestamp,
    last_active_at: Type.String({ format: 'date-time', description: 'A few seconds late.' }),
    current: Type.Boolean({ description: 'Whether it is the session that asks.' }),
  },
  { additionalProperties: false },
);

const SessionList = Type.Object(
  { items: Type.Array(SessionItem) },
  {
    description: `The live sessions, newest activity first; ${listedSessions} at most.`,
    additionalProperties: false,
    examples: [
      {
        items: [
          {
            id: 'ses_9f86d081884c7d659a2feaa0c55ad015',
            address: '203.0.113.7',
            user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
            device: 'Firefox on Linux',
            created_at: '2026-01-31T12:00:00.000Z',
            last_active_at: '2026-01-31T12:30:00.000Z',
            current: true,
          },
        ],
      },
    ],
  },
);

export function ownSessionRoutes(server: HttpServer, ownSessions: OwnSessions): void {
  server.get(
    '/auth/sessions/',
    {
      config: { access: 'bearer' },
      schema: {
        operationId: 'listSessions',
        summary: 'Where you are signed in',
        tags,
        response: { 200: SessionList },
      },
    },
    async (request) => {
      const { accountId, sessionId } = sessionOf(request);
      const sessions = await ownSessions.list(accountId);
      return {
        items: sessions.map(({ created_at, last_active_at, ...session }) => ({
          ...session,
          device: deviceName(session.user_agent),
          created_at: isoTime(created_at),
          last_active_at: isoTime(last_active_at),
          current: session.id === sessionId,
        })),
      };
    },
  );

  server.delete(
    '/auth/sessions/:id',
    {
      config: { access: 'bearer' },
      schema: {
        operationId: 'endSession',
        summary: 'End one session',
        description: 'Its access token and its refresh cookie are refused from the next request on.',
        tags,
        params: Type.Object({ id: Type.String({ pattern: idPattern('ses') }) }),
        response: { 204: Type.Null({ description: 'It has ended.' }) },
      },
    },
    async (request, reply) => {
      await ownSessions.end(sessionOf(request).accountId, request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  );

  server.delete(
    '/auth/sessions/',
    {
      config: { access: 'bearer' },
      schema: {
        operationId: 'endOtherSessions',
        summary: 'End all sessions but this one',
        tags,
        response: { 204: Type.Null({ description: 'They have ended.' }) },
      },
    },
    async (request, reply) => {
      await ownSessions.endOthers(sessionOf(request), actorOf(request));
      return reply.code(204).send(null);
    },
  );
}
