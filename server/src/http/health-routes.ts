import { Type } from 'typebox';
import type { HttpServer } from './server.ts';

const Healthy = Type.Object(
  { status: Type.Literal('ok') },
  { description: 'All is well.', additionalProperties: false },
);

/** @param readDatabase throws AppError `unavailable` when the database cannot be read */
export function healthRoutes(server: HttpServer, readDatabase: () => Promise<unknown>): void {
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
      config: { access: 'public' },
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether the database answers',
        tags: ['Service'],
        response: { 200: Healthy },
      },
    },
    async () => {
      await readDatabase();
      return { status: 'ok' as const };
    },
  );
}
