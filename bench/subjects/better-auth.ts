// Better Auth in front of the same list, as its documentation sets it up on SQLite. BENCH_MODE is `key` (its API-key
// plugin as it comes), `key-memory` (keys in a secondary storage that is a Map in this process) or `session` (its Bearer
// plugin). Its limit of ten requests a day and key is off. Writes its callers' credentials to BENCH_CREDENTIALS.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { openDocumentList } from './document-list.ts';
import { log, requestLine, settings } from './listening.ts';

/** What is used of it here; its own types are installed with it, when the benchmarks are first run. */
interface Auth {
  api: {
    signUpEmail(call: object): Promise<{ headers: Headers; response: { user: { id: string } } }>;
    createApiKey(call: object): Promise<{ key: string }>;
    verifyApiKey(call: object): Promise<{ valid: boolean; key: { referenceId: string } | null }>;
    getSession(call: object): Promise<{ user: { id: string } } | null>;
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    userId: string | null;
  }
}

const mode = process.env.BENCH_MODE ?? 'key';
const accountIds: string[] = JSON.parse(process.env.BENCH_ACCOUNTS ?? '[]');
const { file, list } = openDocumentList(settings.databasePath);
const auth = await createAuth(file);
writeFileSync(process.env.BENCH_CREDENTIALS ?? '', JSON.stringify(await signUpAll()));

async function createAuth(database: DatabaseSync): Promise<Auth> {
  const { resolve } = createRequire(join(import.meta.dirname, '../better-auth/package.json'));
  const { betterAuth } = await import(resolve('better-auth'));
  const { bearer } = await import(resolve('better-auth/plugins'));
  const { apiKey } = await import(resolve('@better-auth/api-key'));
  const { getMigrations } = await import(resolve('better-auth/db/migration'));
  const storage = mode === 'key-memory' ? 'secondary-storage' : 'database';
  const options = {
    database,
    baseURL: `http://${settings.host}:${settings.port}`,
    secret: 'a secret of the benchmarks, known to all',
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    // Callers are made here without waiting for its password hash; no request that is measured has a password.
    emailAndPassword: { enabled: true, password: { hash: async (text: string) => text, verify: async () => false } },
    plugins: [bearer(), apiKey({ rateLimit: { enabled: false }, storage })],
    ...(mode === 'key-memory' && { secondaryStorage: memory() }),
  };
  await (await getMigrations(options)).runMigrations();
  return betterAuth(options);
}

function memory() {
  const entries = new Map<string, string>();
  return {
    get: (key: string) => entries.get(key) ?? null,
    set: (key: string, value: string) => void entries.set(key, value),
    delete: (key: string) => void entries.delete(key),
  };
}

/** Makes a user for each account of the list's file, gives it that account's documents, and returns the credentials. */
async function signUpAll(): Promise<string[]> {
  file.exec('PRAGMA foreign_keys = OFF');
  const giveDocuments = file.prepare('UPDATE documents SET account_id = ? WHERE account_id = ?');
  const credentials: string[] = [];
  for (const [index, accountId] of accountIds.entries()) {
    const body = { email: `caller${index}@example.com`, password: 'five unrelated words', name: `Caller ${index}` };
    const { headers, response } = await auth.api.signUpEmail({ body, returnHeaders: true });
    const userId = response.user.id;
    giveDocuments.run(userId, accountId);
    if (mode === 'session') credentials.push(headers.get('set-auth-token') ?? '');
    else credentials.push((await auth.api.createApiKey({ body: { userId } })).key);
  }
  return credentials;
}

async function authenticate(request: FastifyRequest): Promise<void> {
  const { 'x-api-key': key, authorization } = request.headers;
  if (mode === 'session') {
    const headers = new Headers({ authorization: authorization ?? '' });
    request.userId = (await auth.api.getSession({ headers }))?.user.id ?? null;
  } else {
    const { key: verified } = await auth.api.verifyApiKey({ body: { key } });
    request.userId = verified?.referenceId ?? null;
  }
  if (request.userId === null) throw Object.assign(new Error('Unknown credential.'), { statusCode: 401 });
}

const server = Fastify();
server.decorateRequest('userId', null);
server.addHook('onResponse', async (request: FastifyRequest, reply: FastifyReply) => {
  const answer = { status: reply.statusCode, milliseconds: reply.elapsedTime, accountId: request.userId, scheme: mode };
  log.info(requestLine(request.raw, { route: request.routeOptions.url ?? '', ...answer }), 'request');
});
server.get<{ Querystring: { limit?: string; cursor?: string } }>(
  '/api/v1/documents/',
  { onRequest: authenticate },
  async ({ userId, query }, reply) => {
    const page = list(userId ?? '', Number(query.limit ?? 20), query.cursor);
    reply.header('Content-Type', 'application/json; charset=utf-8').send(JSON.stringify(page));
    return reply;
  },
);
await server.listen({ host: settings.host, port: settings.port });
