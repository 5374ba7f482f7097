import type { Services } from '../app.ts';
import { accountRoutes } from '../auth/accounts/account-routes.ts';
import { apiKeyRoutes } from '../auth/api-keys/api-key-routes.ts';
import { sessionRoutes } from '../auth/sessions/session-routes.ts';
import { documentRoutes } from '../documents/document-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { pageRoutes } from './page-routes.ts';
import type { HttpServer } from './server.ts';

/** The table of contents: every route of the API, by room. */
export async function registerRoutes(server: HttpServer, services: Services, publicUrl: string): Promise<void> {
  await server.register(
    async (v1) => {
      accountRoutes(v1, services.accounts, services.sessions, publicUrl);
      sessionRoutes(v1, services.sessions, publicUrl);
      apiKeyRoutes(v1, services.apiKeys);
      await v1.register(async (room) => documentRoutes(room, services.documents, publicUrl));
    },
    { prefix: '/api/v1' },
  );
  pageRoutes(server, publicUrl);
  healthRoutes(server, () => services.database.query.selectNoFrom(services.database.now.as('now')).execute());
}
