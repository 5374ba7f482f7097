import { Type } from 'typebox';
import { sessionOf } from '../../http/authentication.ts';
import { actorOf } from '../../http/device.ts';
import type { HttpServer } from '../../http/server.ts';
import { isoTime, Timestamp } from '../../http/timestamp.ts';
import { idPattern } from '../../id.ts';
import type { ApiKeys, ApiKeyView } from './api-keys.ts';

const ApiKey = Type.Object(
  {
    id: Type.String({ pattern: idPattern('key') }),
    name: Type.String(),
    hint: Type.String({ description: 'All of the key that is ever shown again.', examples: ['ink_1a2b…9f0e'] }),
    created_at: Timestamp,
    rotated_at: Type.Union([Timestamp, Type.Null()]),
    last_used_at: Type.Union([Timestamp, Type.Null()], { description: 'A few seconds late.' }),
    last_used_ip: Type.Union([Type.String(), Type.Null()]),
    retired: Type.Union(
      [
        Type.Object(
          {
            rotated_at: Timestamp,
            attempts: Type.Integer({ minimum: 0, description: 'Requests refused since then for a former key.' }),
            last_attempt_at: Type.Union([Timestamp, Type.Null()]),
            last_attempt_ip: Type.Union([Type.String(), Type.Null()]),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'Who still uses a key from before the last rotation; a few seconds late.' },
    ),
  },
  { additionalProperties: false },
);

export function apiKeyRoutes(server: HttpServer, apiKeys: ApiKeys): void {
  server.get(
    '/api-keys/',
    {
      config: { access: 'bearer' },
      schema: {
        operationId: 'listApiKeys',
        summary: 'The account’s API key, masked',
        tags: ['API keys'],
        response: {
          200: Type.Object({ items: Type.Array(ApiKey) }, { description: 'The keys.', additionalProperties: false }),
        },
      },
    },
    async (request) => ({ items: (await apiKeys.list(sessionOf(request).accountId)).map(toAnswer) }),
  );

  server.post(
    '/api-keys/:id/rotate',
    {
      config: { access: 'bearer-fresh' },
      schema: {
        operationId: 'rotateApiKey',
        summary: 'Replace a key',
        description: 'The old key is refused from the next request on. The new one is in this answer and nowhere else.',
        tags: ['API keys'],
        params: Type.Object({ id: Type.String({ pattern: idPattern('key') }) }),
        body: Type.Object(
          {
            reason: Type.Optional(
              Type.String({ maxLength: 200, pattern: '^[^\\p{C}]*$', description: 'Kept in the audit log.' }),
            ),
          },
          { additionalProperties: false, examples: [{ reason: 'pasted into a chat' }] },
        ),
        response: {
          200: Type.Object(
            {
              ...ApiKey.properties,
              api_key: Type.String({ pattern: '^ink_[0-9a-f]{48}$', description: 'Shown this once.' }),
            },
            { description: 'The key with its new secret.', additionalProperties: false },
          ),
        },
      },
    },
    async (request) => {
      const { accountId } = sessionOf(request);
      const { apiKey, secret } = await apiKeys.rotate(
        accountId,
        request.params.id,
        request.body.reason ?? null,
        actorOf(request),
      );
      return { ...toAnswer(apiKey), api_key: secret };
    },
  );
}

function toAnswer(key: ApiKeyView) {
  return {
    ...key,
    created_at: isoTime(key.created_at),
    rotated_at: key.rotated_at === null ? null : isoTime(key.rotated_at),
    last_used_at: key.last_used_at === null ? null : isoTime(key.last_used_at),
    retired: key.retired && {
      ...key.retired,
      rotated_at: isoTime(key.retired.rotated_at),
      last_attempt_at: key.retired.last_attempt_at === null ? null : isoTime(key.retired.last_attempt_at),
    },
  };
}
