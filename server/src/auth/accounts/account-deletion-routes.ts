import { Type } from '#typebox';
import { sessionOf } from '../../http/authentication.ts';
import type { HttpServer } from '../../http/server.ts';
import type { Accounts } from './accounts.ts';

export function accountDeletionRoutes(server: HttpServer, accounts: Pick<Accounts, 'delete'>): void {
  server.delete(
    '/me',
    {
      config: { access: 'bearer-fresh' },
      schema: {
        operationId: 'deleteAccount',
        summary: 'Delete the account',
        description:
          'Key, sessions, documents and audit log are gone at once and for good; `GET /me/export` saves them before. The e-mail address may sign up again, as a new account.',
        tags: ['Sign-in'],
        response: { 204: Type.Null({ description: 'It is gone.' }) },
      },
    },
    async (request, reply) => {
      await accounts.delete(sessionOf(request).accountId);
      return reply.code(204).send(null);
    },
  );
}
