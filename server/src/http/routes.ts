import { accountDeletionRoutes } from '../auth/accounts/account-deletion-routes.ts';
import { accountRoutes } from '../auth/accounts/account-routes.ts';
import { emailRoutes } from '../auth/accounts/email-routes.ts';
import type { PasswordChange } from '../auth/accounts/password-change.ts';
import { passwordChangeRoutes } from '../auth/accounts/password-change-routes.ts';
import type { PasswordReset } from '../auth/accounts/password-reset.ts';
import { passwordResetRoutes } from '../auth/accounts/password-reset-routes.ts';
import { type SignUpServices, signUpRoutes } from '../auth/accounts/sign-up-routes.ts';
import { apiKeyRoutes } from '../auth/api-keys/api-key-routes.ts';
import type { ApiKeys } from '../auth/api-keys/api-keys.ts';
import { ownSessionRoutes } from '../auth/sessions/own-session-routes.ts';
import type { OwnSessions } from '../auth/sessions/own-sessions.ts';
import { sessionRoutes } from '../auth/sessions/session-routes.ts';
import type { Config } from '../config/config.ts';
import { documentRoutes } from '../documents/document-routes.ts';
import type { Documents } from '../documents/documents.ts';
import { forwardRoutes } from '../edge/forward-routes.ts';
import { eventRoutes } from '../events/event-routes.ts';
import type { Events } from '../events/events.ts';
import type { AccountExport } from '../exports/account-export.ts';
import { accountExportRoutes } from '../exports/account-export-routes.ts';
import type { Readiness } from '../readiness.ts';
import type { Usage } from '../usage/usage.ts';
import { usageRoutes } from '../usage/usage-routes.ts';
import { dashboardRoutes } from './dashboard-routes.ts';
import { docsRoutes } from './docs-routes.ts';
import { healthRoutes } from './health-routes.ts';
import type { HttpServer } from './server.ts';

/** What the routes stand on; the composition root builds it. */
interface RoutedServices extends SignUpServices {
  passwordReset: PasswordReset;
  passwordChange: PasswordChange;
  accountExport: AccountExport;
  ownSessions: OwnSessions;
  apiKeys: ApiKeys;
  events: Events;
  usage: Usage;
  documents: Documents;
  readiness: Pick<Readiness, 'check'>;
}

/** The table of contents: every route of the API, by room. */
export async function registerRoutes(server: HttpServer, services: RoutedServices, config: Config): Promise<void> {
  const { publicUrl } = config;
  await server.register(
    async (v1) => {
      signUpRoutes(v1, services, { publicUrl, byMail: config.smtp !== null });
      emailRoutes(v1, services.emailVerification, services.sessions, publicUrl);
      passwordResetRoutes(v1, services.passwordReset);
      accountRoutes(v1, services.accounts, services.sessions, publicUrl);
      passwordChangeRoutes(v1, services.passwordChange);
      accountDeletionRoutes(v1, services.accounts);
      accountExportRoutes(v1, services.accountExport);
      ownSessionRoutes(v1, services.ownSessions);
      sessionRoutes(v1, services.sessions, publicUrl);
      apiKeyRoutes(v1, services.apiKeys);
      eventRoutes(v1, services.events, publicUrl);
      usageRoutes(v1, services.usage);
      await v1.register(async (room) => forwardRoutes(room));
      await v1.register(async (room) => documentRoutes(room, services.documents, publicUrl));
    },
    { prefix: '/api/v1' },
  );
  await dashboardRoutes(server);
  docsRoutes(server, publicUrl);
  healthRoutes(server, () => services.readiness.check());
}
