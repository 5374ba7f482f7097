import { Type } from '#typebox';
import { sessionOf } from '../../http/authentication.ts';
import { actorOf } from '../../http/device.ts';
import type { HttpServer } from '../../http/server.ts';
import { apiKeyPattern } from './api-key.ts';
import { apiKeyChangeRoutes } from './api-key-change-routes.ts';
import { ApiKey, ApiKeyParams, toAnswer } from './api-key-schema.ts';
import type { ApiKeys } from './api-keys.ts';

export function apiKeyRoutes(server: HttpServer, apiKeys: ApiKeys): void {
  apiKeyChangeRoutes(server, apiKeys);

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
        params: ApiKeyParams,
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
              api_key: Type.String({ pattern: apiKeyPattern, description: 'Shown this once.' }),
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
