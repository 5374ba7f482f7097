import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { createAccountStore } from './auth/accounts/account-store.ts';
import { type Accounts, createAccounts } from './auth/accounts/accounts.ts';
import { createEmailVerification, type EmailVerification } from './auth/accounts/email-verification.ts';
import { createMailedLinkStore } from './auth/accounts/mailed-link-store.ts';
import { createPasswords, type Passwords } from './auth/accounts/password.ts';
import { createPasswordChange, type PasswordChange } from './auth/accounts/password-change.ts';
import { createPasswordChangeStore } from './auth/accounts/password-change-store.ts';
import { createPasswordReset, type PasswordReset } from './auth/accounts/password-reset.ts';
import { createApiKeyStore } from './auth/api-keys/api-key-store.ts';
import { type ApiKeys, createApiKeys } from './auth/api-keys/api-keys.ts';
import { createRetiredKeyStore } from './auth/api-keys/retired-key-store.ts';
import { createRetiredKeys } from './auth/api-keys/retired-keys.ts';
import { createSeenAddressStore } from './auth/api-keys/seen-address-store.ts';
import { createSeenAddresses } from './auth/api-keys/seen-addresses.ts';
import { createAuthenticate } from './auth/authenticate.ts';
import { createAccessTokens } from './auth/sessions/access-token.ts';
import { createOwnSessionStore } from './auth/sessions/own-session-store.ts';
import { createOwnSessions, type OwnSessions } from './auth/sessions/own-sessions.ts';
import { createSessionStore } from './auth/sessions/session-store.ts';
import { createSessions, type Sessions } from './auth/sessions/sessions.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { isLoopback } from './config/loopback.ts';
import { type Database, openDatabase } from './database/database.ts';
import { createContentStore } from './documents/content-store.ts';
import { createDocumentStore } from './documents/document-store.ts';
import { createDocuments, type Documents } from './documents/documents.ts';
import { createIdempotencyStore } from './documents/idempotency-store.ts';
import { createEventStore } from './events/event-store.ts';
import { createEvents, type Events } from './events/events.ts';
import { type AccountExport, createAccountExport } from './exports/account-export.ts';
import { createAccountExportStore } from './exports/account-export-store.ts';
import type { Chore } from './housekeeping.ts';
import { deviceOf } from './http/device.ts';
import { registerLimits } from './http/rate-limit.ts';
import { registerRoutes } from './http/routes.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import { defaultTimeLimits, type TimeLimits } from './http/time-limits.ts';
import { createGuessStore } from './limits/guess-store.ts';
import { createGuesses, type Guesses } from './limits/guesses.ts';
import { limitKinds } from './limits/limit.ts';
import { createLimitStore } from './limits/limit-store.ts';
import { createLimits, type Limits } from './limits/limits.ts';
import { type EventLog, silentLog } from './log.ts';
import { createFileTransport } from './mail/file-transport.ts';
import { createOutbox, type Outbox } from './mail/outbox.ts';
import { createOutboxStore } from './mail/outbox-store.ts';
import { createSmtpTransport } from './mail/smtp-transport.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { loadOrCreateSecret } from './secret.ts';
import { createUsage, type Usage } from './usage/usage.ts';
import { countUsage } from './usage/usage-routes.ts';
import { createUsageStore } from './usage/usage-store.ts';

/** Every service, built once. The server and the command line stand on the same ones. */
export interface Services {
  database: Database;
  readiness: Readiness;
  accounts: Accounts;
  passwords: Passwords;
  passwordReset: PasswordReset;
  emailVerification: EmailVerification;
  outbox: Outbox;
  apiKeys: ApiKeys;
  sessions: Sessions;
  ownSessions: OwnSessions;
  passwordChange: PasswordChange;
  documents: Documents;
  accountExport: AccountExport;
  events: Events;
  usage: Usage;
  limits: Limits;
  guesses: Guesses;
}

/** Opens the database and builds every service on it. Does not migrate. Throws when the data folder cannot be used. */
export function createServices(config: Config, log: EventLog = silentLog, clock: Clock = systemClock): Services {
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 });
  if (config.database.engine === 'sqlite') {
    mkdirSync(dirname(config.database.path), { recursive: true, mode: 0o700 });
  }
  const accessTokens = createAccessTokens({
    secret: config.secret ?? loadOrCreateSecret(config.dataDirectory),
    previousSecret: config.previousSecret,
    issuer: config.publicUrl,
    clock,
  });
  const database = openDatabase(config.database, { log, connections: config.databaseConnections });
  const retention = { eventDays: config.eventRetentionDays, addressDays: config.addressRetentionDays };
  const events = createEvents(createEventStore(database), retention, log, clock);
  const apiKeys = createApiKeys(
    createApiKeyStore(database),
    createRetiredKeys(createRetiredKeyStore(database), config.addressRetentionDays, clock),
    createSeenAddresses(createSeenAddressStore(database), config.addressRetentionDays, clock),
    clock,
  );
  const usage = createUsage(createUsageStore(database), config.eventRetentionDays, clock);
  const sessions = createSessions(createSessionStore(database), accessTokens, clock);
  const passwords = createPasswords({ severalWorkers: config.workers > 1 });
  const guesses = createGuesses(createGuessStore(database, config.addressRetentionDays), events);
  const accounts = createAccounts({
    store: createAccountStore(database),
    apiKeys,
    sessions,
    passwords,
    events,
    guesses,
    signup: config.signup,
  });
  const links = createMailedLinkStore(database);
  const passwordReset = createPasswordReset({ store: links, sessions, passwords, events, guesses });
  const emailVerification = createEmailVerification({ store: links, accounts, passwords, events });
  const transport = config.smtp
    ? createSmtpTransport(config.smtp, config.mailFrom, { isLocal: isLoopback(config.smtp.host) })
    : createFileTransport(join(config.dataDirectory, 'outbox'), config.mailFrom);
  const outbox = createOutbox(createOutboxStore(database), transport, config.publicUrl, log);
  const ownSessions = createOwnSessions(createOwnSessionStore(database));
  const passwordChange = createPasswordChange({
    store: createPasswordChangeStore(database),
    passwords,
    ownSessions,
    events,
    guesses,
  });
  const documents = createDocuments(
    createDocumentStore(database, { bytes: config.accountQuotaBytes, documents: config.maxDocumentsPerAccount }),
    createContentStore(database, config.accountQuotaBytes),
    createIdempotencyStore(database),
    config.maxDocumentBytes,
  );
  const limits = createLimits(createLimitStore(database), config.rates);
  const accountExport = createAccountExport({
    store: createAccountExportStore(database),
    apiKeys,
    ownSessions,
    documents,
    events,
    usage,
  });
  return {
    database,
    readiness: createReadiness(database, clock, log),
    passwords,
    passwordReset,
    emailVerification,
    outbox,
    accounts,
    apiKeys,
    sessions,
    ownSessions,
    passwordChange,
    documents,
    accountExport,
    events,
    usage,
    limits,
    guesses,
  };
}

export async function createApp(
  config: Config,
  services: Services,
  log: FastifyBaseLogger,
  timeLimits: TimeLimits = defaultTimeLimits,
): Promise<HttpServer> {
  const server = await createHttpServer({
    log,
    publicUrl: config.publicUrl,
    allowedOrigins: config.allowedOrigins,
    proxies: config.proxies,
    gate: {
      authenticate: createAuthenticate(services.apiKeys, services.sessions),
      admitKey: (key, client) => services.apiKeys.admit(key, client),
      onKeyRefused: (kind, { accountId, apiKeyId }, request) =>
        services.events.gather({ accountId, apiKeyId, kind, ...deviceOf(request) }),
    },
    timeLimits,
  });
  registerLimits(server, services.limits, async (request, name, subject) => {
    const account = limitKinds[name].by === 'email' ? await services.accounts.find(subject) : null;
    const accountId = request.principal?.accountId ?? account?.id ?? null;
    services.events.gather({ accountId, kind: 'limit_reached', ...deviceOf(request) });
  });
  server.addHook('onResponse', countUsage(services.usage));
  await registerRoutes(server, services, config);
  return server;
}

/** What is gathered in memory: written every few seconds, and a last time when the process stops. */
export function flushesOf({ apiKeys, sessions, events, usage }: Services): Chore[] {
  return [
    { name: 'save last uses of keys', everySeconds: 5, run: () => apiKeys.flushLastUses() },
    { name: 'save addresses of keys', everySeconds: 5, run: () => apiKeys.flushSeenAddresses() },
    { name: 'save last uses of sessions', everySeconds: 5, run: () => sessions.flushLastUses() },
    { name: 'save attempts with rotated keys', everySeconds: 5, run: () => apiKeys.flushRetiredKeyAttempts() },
    { name: 'save gathered refusals', everySeconds: 5, run: () => events.flush() },
    { name: 'save usage counts', everySeconds: 5, run: () => usage.flush() },
  ];
}

/** What a serving process does beside answering; nothing of it is needed for an answer to be right. */
export function choresOf(services: Services): Chore[] {
  const { readiness, accounts, apiKeys, sessions, documents, events, usage, limits, outbox, guesses } = services;
  return [
    ...flushesOf(services),
    // So that the log tells of clocks that part although no balancer asks.
    { name: 'compare clocks', everySeconds: 10, run: () => readiness.compareClocks() },
    { name: 'send mail', everySeconds: 2, run: () => outbox.deliverDue() },
    { name: 'purge mail', everySeconds: 60, run: (stop) => outbox.purge(stop) },
    { name: 'purge invitations', everySeconds: 60, run: (stop) => accounts.purgeInvitations(stop) },
    { name: 'purge sessions', everySeconds: 10, run: (stop) => sessions.purge(stop) },
    { name: 'purge addresses of keys', everySeconds: 60, run: (stop) => apiKeys.purgeSeenAddresses(stop) },
    {
      name: 'forget addresses of rotated keys',
      everySeconds: 3600,
      run: (stop) => apiKeys.forgetRetiredKeyAddresses(stop),
    },
    { name: 'purge documents', everySeconds: 60, run: (stop) => documents.purge(stop) },
    { name: 'purge events', everySeconds: 60, run: (stop) => events.purge(stop) },
    { name: 'purge usage counts', everySeconds: 60, run: (stop) => usage.purge(stop) },
    { name: 'purge limits', everySeconds: 60, run: (stop) => limits.purge(stop) },
    { name: 'forget sign-in addresses', everySeconds: 3600, run: (stop) => guesses.purge(stop) },
  ];
}
