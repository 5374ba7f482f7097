import { Type } from '#typebox';
import { isoTime } from '../../clock.ts';
import { Timestamp } from '../../http/timestamp.ts';
import { idPattern } from '../../id.ts';
import type { ApiKeyView } from './api-keys.ts';

export const ApiKeyParams = Type.Object({ id: Type.String({ pattern: idPattern('key') }) });

/** A key as the API shows it. */
export const ApiKey = Type.Object(
  {
    id: Type.String({ pattern: idPattern('key') }),
    name: Type.String(),
    hint: Type.String({ description: 'All of the key that is ever shown again.', examples: ['ink_1a2b…9f0e'] }),
    created_at: Timestamp,
    rotated_at: Type.Union([Timestamp, Type.Null()]),
    last_used_at: Type.Union([Timestamp, Type.Null()], { description: 'A few seconds late.' }),
    last_used_ip: Type.Union([Type.String(), Type.Null()]),
    allowed_ips: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'Addresses and CIDRs that may use the key; null: any may.',
      examples: [['203.0.113.0/24', '2001:db8::7']],
    }),
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

export function toAnswer(key: ApiKeyView) {
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
