import type { onResponseHookHandler } from 'fastify';
import { Type } from '#typebox';
import { principalOf } from '../http/authentication.ts';
import type { HttpServer } from '../http/server.ts';
import type { Usage } from './usage.ts';

/** nginx's status for a caller who left before the answer: not ours, and no success either. */
const clientClosedRequest = 499;

/** Returns the hook that counts each request whose credential was good, whatever it was answered. */
export function countUsage(usage: Usage): onResponseHookHandler {
  return ({ principal }, reply, done) => {
    if (principal) usage.count(principal, reply.raw.headersSent ? reply.statusCode : clientClosedRequest);
    done();
  };
}

const Outcomes = (description: string) =>
  Type.Object(
    {
      success: Type.Integer({ minimum: 0, description: 'Answered with 2xx or 3xx.' }),
      refused: Type.Integer({ minimum: 0, description: 'Answered with 4xx.' }),
      failed: Type.Integer({ minimum: 0, description: 'Answered with 5xx.' }),
    },
    { description, additionalProperties: false },
  );

export function usageRoutes(server: HttpServer, usage: Usage): void {
  server.get(
    '/usage/',
    {
      config: { access: 'both' },
      schema: {
        operationId: 'getUsage',
        summary: 'Requests a day',
        description:
          'By scheme and outcome; a few seconds late. Requests whose credential was refused with 401 belong to nobody and are not here.',
        tags: ['Usage'],
        querystring: Type.Object({ days: Type.Integer({ minimum: 1, maximum: 366, default: 30 }) }),
        response: {
          200: Type.Object(
            {
              days: Type.Array(
                Type.Object(
                  {
                    day: Type.String({ format: 'date', description: 'UTC.', examples: ['2026-01-31'] }),
                    api_key: Outcomes('With X-API-Key.'),
                    bearer: Outcomes('With a Bearer token.'),
                  },
                  { additionalProperties: false },
                ),
              ),
            },
            {
              description: 'One entry a day up to today, oldest first, days without a request included.',
              additionalProperties: false,
              examples: [
                {
                  days: [
                    {
                      day: '2026-01-31',
                      api_key: { success: 1312, refused: 4, failed: 0 },
                      bearer: { success: 57, refused: 0, failed: 0 },
                    },
                  ],
                },
              ],
            },
          ),
        },
      },
    },
    async (request) => ({ days: await usage.list(principalOf(request).accountId, request.query.days) }),
  );
}
