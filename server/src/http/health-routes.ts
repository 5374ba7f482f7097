import { Type } from '#typebox';
import type { HttpServer } from './server.ts';

const Healthy = Type.Object(
  { status: Type.Literal('ok') },
  { description: 'All is well.', additionalProperties: false },
);

/** @param checkReadiness throws AppError `unavailable` or `not_ready` when no request should be sent here */
export function healthRoutes(server: HttpServer, checkReadiness: () => Promise<unknown>): void {
  const check = oneAtATime(checkReadiness);

  server.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'getHealth',
        summary: 'Whether the process runs',
        tags: ['Service'],
        response: { 200: Healthy },
      },
    },
    () => ({ status: 'ok' as const }),
  );

  server.get(
    '/readyz',
    {
      config: { access: 'public', errors: ['not_ready'] },
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether requests should be sent here: the database answers, its clock agrees, and no stop has begun',
        tags: ['Service'],
        response: { 200: Healthy },
      },
    },
    async () => {
      await check();
      return { status: 'ok' as const };
    },
  );
}

/** Returns `check`, but whoever asks while one is under way shares it: anybody may ask, and it must not keep others from the database. */
function oneAtATime(check: () => Promise<unknown>): () => Promise<unknown> {
  let underWay: Promise<unknown> | null = null;
  return () => {
    underWay ??= check().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}
