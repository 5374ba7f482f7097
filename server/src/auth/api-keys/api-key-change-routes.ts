import { type Static, Type } from '#typebox';
import { isoTime } from '../../clock.ts';
import { maxAllowlistEntries } from '../../edge/ip-allowlist.ts';
import { sessionOf } from '../../http/authentication.ts';
import { clientOf } from '../../http/client.ts';
import { actorOf } from '../../http/device.ts';
import type { HttpServer } from '../../http/server.ts';
import { Timestamp } from '../../http/timestamp.ts';
import { ApiKey, ApiKeyParams, toAnswer } from './api-key-schema.ts';
import type { ApiKeys } from './api-keys.ts';

const Entries = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  minItems: 1,
  maxItems: maxAllowlistEntries,
});
/** One type of two rather than a union: a wrong entry is then one error, with its own pointer. */
const AllowedIps = Type.Unsafe<Static<typeof Entries> | null>({
  ...Entries,
  type: ['array', 'null'],
  description:
    'IPv4 and IPv6 addresses and CIDRs, from which alone the key may be used; null: from any address. Host bits, leading zeros, zones and IPv4 written as IPv6 are refused, since programs read them differently.',
  examples: [['203.0.113.0/24', '2001:db8::7'], null],
});

/** What a key is called and where it may be used from. */
export function apiKeyChangeRoutes(server: HttpServer, apiKeys: ApiKeys): void {
  server.patch(
    '/api-keys/:id',
    {
      config: { access: 'bearer-fresh' },
      schema: {
        operationId: 'changeApiKey',
        summary: 'Rename a key, or say where it may be used from',
        description:
          'An allowlist guards every use of the key from the next request on, and outlives rotations. The preview tells whom it would shut out.',
        tags: ['API keys'],
        params: ApiKeyParams,
        body: Type.Object(
          {
            name: Type.Optional(Type.String({ maxLength: 100, pattern: '^(?=.*\\S)[^\\p{C}]*$' })),
            allowed_ips: Type.Optional(AllowedIps),
          },
          {
            additionalProperties: false,
            minProperties: 1,
            examples: [{ name: 'Nightly import', allowed_ips: ['203.0.113.0/24', '2001:db8::7'] }],
          },
        ),
        response: {
          200: Type.Object(ApiKey.properties, { description: 'The key as it is now.', additionalProperties: false }),
        },
      },
    },
    async (request) => {
      const { accountId } = sessionOf(request);
      return toAnswer(await apiKeys.update(accountId, request.params.id, request.body, actorOf(request)));
    },
  );

  server.post(
    '/api-keys/:id/allowed-ips/preview',
    {
      config: { access: 'bearer' },
      schema: {
        operationId: 'previewAllowedIps',
        summary: 'Whom an allowlist would shut out',
        description:
          'Changes nothing. Looks at the addresses that have used the key in the last 30 days, the newest thousand; they appear a few seconds late.',
        tags: ['API keys'],
        params: ApiKeyParams,
        body: Type.Object(
          { allowed_ips: AllowedIps },
          { additionalProperties: false, examples: [{ allowed_ips: ['203.0.113.0/24', '2001:db8::7'] }] },
        ),
        response: {
          200: Type.Object(
            {
              allowed_ips: ApiKey.properties.allowed_ips,
              your_address: Type.Union([Type.String(), Type.Null()], {
                description: 'Where this request came from; null when that cannot be told.',
              }),
              shut_out: Type.Array(
                Type.Object({ address: Type.String(), last_used_at: Timestamp }, { additionalProperties: false }),
                { description: 'Addresses that have used the key and no longer could, the latest first.' },
              ),
            },
            {
              description: 'What the list would do.',
              additionalProperties: false,
              examples: [
                {
                  allowed_ips: ['203.0.113.0/24', '2001:db8::7'],
                  your_address: '203.0.113.7',
                  shut_out: [{ address: '198.51.100.4', last_used_at: '2026-01-31T12:00:00.000Z' }],
                },
              ],
            },
          ),
        },
      },
    },
    async (request) => {
      const { accountId } = sessionOf(request);
      const client = clientOf(request);
      const { allowedIps, shutOut } = await apiKeys.previewAllowlist(
        accountId,
        request.params.id,
        request.body.allowed_ips,
      );
      return {
        allowed_ips: allowedIps,
        your_address: client.isKnown ? client.address : null,
        shut_out: shutOut.map(({ address, lastUsedAt }) => ({ address, last_used_at: isoTime(lastUsedAt) })),
      };
    },
  );
}
