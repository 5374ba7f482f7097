import { sessionOf } from '../http/authentication.ts';
import { actorOf } from '../http/device.ts';
import type { HttpServer } from '../http/server.ts';
import type { AccountExport } from './account-export.ts';

const zip = { 'application/zip': { schema: { type: 'string', format: 'binary' } } };

export function accountExportRoutes(server: HttpServer, accountExport: AccountExport): void {
  server.get(
    '/me/export',
    {
      config: { access: 'bearer-fresh', errors: ['storage_full'] },
      // A HEAD would make the archive to throw it away, and say in the audit log that it was taken.
      exposeHeadRoute: false,
      schema: {
        operationId: 'exportAccount',
        summary: 'Download all that the account holds',
        description:
          'A zip archive: `account.json` (the account, its key without the secret, sessions, usage), `documents/` with every document’s bytes, `documents.json` (what is known of each, with its path), and `events.json` (the audit log). Leaves an event.',
        tags: ['Sign-in'],
        response: {
          200: {
            description: 'The archive. It is made while it is sent, so its length is not known before.',
            headers: { 'Content-Disposition': { type: 'string', description: 'An attachment.' } },
            content: zip,
          },
        },
      },
    },
    async (request, reply) => {
      const { accountId, email, accountCreatedAt } = sessionOf(request);
      const archive = await accountExport.open({ id: accountId, email, createdAt: accountCreatedAt }, actorOf(request));
      return reply
        .type('application/zip')
        .header('Content-Disposition', 'attachment; filename="inksong-export.zip"')
        .send(archive);
    },
  );
}
