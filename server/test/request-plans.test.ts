import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choresOf } from '../src/app.ts';
import { statementRun } from '../src/database/statement-run.ts';
import { runEach } from '../src/housekeeping.ts';
import { type Answer, bootServer, type CallOptions, goodPassword, type TestServer } from './boot.ts';
import { requireLookUps, requireStablePlans } from './database-probes.ts';
import { fileForm } from './documents-upload.ts';
import { type Mailbox, openMailbox, registerInvited } from './mailbox.ts';

/** All limits count, so that theirs are among the statements. */
const limited = {
  INKSONG_RATE_LIMIT_AUTH: '1000/min',
  INKSONG_RATE_LIMIT_REFRESH: '1000/min',
  INKSONG_RATE_LIMIT_API: '1000/min',
};

test('no statement of any request, nor of what is written afterwards, reads a whole table or index; SQLite plans each once', async (t) => {
  const mailbox = await openMailbox(t);
  const server = await bootServer(t, { ...limited, ...mailbox.settings });
  const { database } = server.services;
  const statements = new Set<string>();
  const stopListening = statementRun.listen(({ sql }) => {
    if (/^\s*(select|insert|update|delete|with)\b/i.test(sql)) statements.add(sql);
  });
  const succeeded = new Set<string>();
  const ask = askOf(server, succeeded);

  await signIn(server, ask, mailbox);
  await useKeysAndDocuments(server, ask);
  await decide(server, ask);
  await refuse(server);
  const warnings: unknown[] = [];
  // What purges do is looked at among many rows, in their own test.
  const chores = choresOf(server.services).filter(({ name }) => !/^(purge|forget) /.test(name));
  await runEach(chores, { warn: (...words: unknown[]) => void warnings.push(words) });
  stopListening();

  assert.deepEqual(warnings, []);
  const routes = server.app.routeTable.filter(({ method, url }) => url.startsWith('/api/v1/') && method !== 'HEAD');
  assert.ok(routes.length >= 35, `${routes.length} routes`);
  const unasked = routes.map(({ method, url }) => `${method} ${url}`).filter((route) => !succeeded.has(route));
  assert.deepEqual(unasked, [], 'every route has been asked and has succeeded');
  assert.ok(statements.size >= 95, `${statements.size} statements`);
  await requireLookUps(database, statements);
  const { database: location } = server.config;
  if (location.engine === 'sqlite') requireStablePlans(location.path, statements);
  t.diagnostic(`${statements.size} statements of ${routes.length} routes`);
});

type Ask = (route: string, options?: CallOptions & { id?: string; query?: string }) => Promise<Answer>;

/** Returns a function that asks a route of the table, and notes that it has succeeded. Throws when it does not. */
function askOf(server: TestServer, succeeded: Set<string>): Ask {
  return async (route, { id = '', query = '', ...options } = {}) => {
    const [method = '', url = ''] = route.split(' ');
    const answer = await server.call(method, url.replace(':id', id) + query, options);
    assert.ok(answer.status < 300, `${route} answered ${answer.status} ${answer.bytes}`);
    succeeded.add(`${method} /api/v1${url}`);
    return answer;
  };
}

async function signIn(server: TestServer, ask: Ask, mailbox: Mailbox): Promise<void> {
  const tokenOf = async (): Promise<string> => {
    const before = mailbox.mails.length;
    await mailbox.until(before + (await server.services.outbox.deliverDue()));
    return mailbox.mails.slice(before).find(({ token }) => token !== '')?.token ?? '';
  };
  const password = goodPassword;
  await ask('GET /auth/config');
  await ask('POST /auth/register', { json: { email: 'ada@example.com', password } });
  // The mail that the next one replaces.
  await tokenOf();
  await ask('POST /auth/email/verify/resend', { json: { email: 'ada@example.com' } });
  const verified = await ask('POST /auth/email/verify', { json: { token: await tokenOf() } });
  await ask('POST /auth/email', { bearer: verified.json.access_token, json: { email: 'ada@example.org' } });
  await ask('POST /auth/email/verify', { json: { token: await tokenOf() } });
  await ask('POST /auth/password/forgot', { json: { email: 'ada@example.org' } });
  await ask('POST /auth/password/reset', {
    json: { token: await tokenOf(), new_password: 'some other words that do well' },
  });

  const { email, accessToken: bearer } = await registerInvited(server, 'grace@example.com');
  const login = await ask('POST /auth/login', { json: { email, password } });
  await ask('POST /auth/reauthenticate', { bearer, json: { password } });
  const refreshed = await ask('POST /auth/refresh', { refreshToken: login.refreshToken ?? '' });
  // The same answer again, as to a second tab; then the successor is used.
  await ask('POST /auth/refresh', { refreshToken: login.refreshToken ?? '' });
  await ask('POST /auth/refresh', { refreshToken: refreshed.refreshToken ?? '' });
  const sessions = await ask('GET /auth/sessions/', { bearer });
  const other = sessions.json.items.find(({ current }: { current: boolean }) => !current);
  await ask('DELETE /auth/sessions/:id', { bearer, id: other.id });
  await ask('DELETE /auth/sessions/', { bearer });
  await ask('GET /me', { bearer });
  const json = { current_password: password, new_password: 'yet some other words that do well' };
  await ask('POST /auth/password', { bearer, json });
  for (const query of ['?limit=2', '?kind=signed_in']) {
    const { next_cursor: cursor } = (await ask('GET /events/', { bearer, query })).json;
    if (cursor !== null) await ask('GET /events/', { bearer, query: `${query}&cursor=${cursor}` });
  }
  await ask('GET /me/export', { bearer });
  await ask('POST /auth/logout', { bearer });
  const leaving = await registerInvited(server, 'leaving@example.com');
  await ask('DELETE /me', { bearer: leaving.accessToken, json: { password } });
}

async function useKeysAndDocuments(server: TestServer, ask: Ask): Promise<void> {
  const { accessToken: bearer, apiKeyId } = await registerInvited(server, 'keeper@example.com');
  const rotated = await ask('POST /api-keys/:id/rotate', { bearer, id: apiKeyId });
  const key: string = rotated.json.api_key;
  const allowed = { allowed_ips: ['127.0.0.1', '::1'] };
  await ask('GET /me', { key });
  await server.services.apiKeys.flushSeenAddresses();
  await ask('POST /api-keys/:id/allowed-ips/preview', { bearer, id: apiKeyId, json: allowed });
  await ask('PATCH /api-keys/:id', { bearer, id: apiKeyId, json: { ...allowed, name: 'CI' } });
  await ask('GET /api-keys/', { bearer });
  const json = { title: 'Minutes', content: 'agreed' };
  const once = { 'idempotency-key': 'once' };
  for (let time = 0; time < 2; time++) await ask('POST /documents/', { key, json, headers: once });
  await ask('POST /documents/', { key, body: fileForm(Buffer.alloc(600_000)) });
  for (const query of ['?limit=1', '?limit=1&q=minutes']) {
    const { items, next_cursor: cursor } = (await ask('GET /documents/', { key, query })).json;
    assert.equal(items.length, 1);
    if (cursor !== null) await ask('GET /documents/', { key, query: `${query}&cursor=${cursor}` });
  }
  const [{ id }] = (await ask('GET /documents/', { key })).json.items;
  await ask('GET /documents/:id', { key, id });
  await ask('PATCH /documents/:id', { key, id, json: { title: 'Renamed' } });
  await ask('PUT /documents/:id/content', { key, id, body: 'anew' });
  await ask('GET /documents/:id/content', { key, id, headers: { range: 'bytes=1-2' } });
  await ask('DELETE /documents/:id', { key, id });
  await ask('GET /usage/', { key });
}

async function decide(server: TestServer, ask: Ask): Promise<void> {
  const { apiKey: key, accessToken: bearer } = await registerInvited(server, 'asker@example.com');
  for (const family of ['/auth/forward', '/auth/forward/nginx', '/auth/forward/envoy']) {
    const separator = family.endsWith('envoy') ? '-' : '/';
    await ask(`GET ${family}`, { key });
    await ask(`GET ${family}${separator}api-key`, { key });
    await ask(`GET ${family}${separator}bearer`, { bearer });
  }
}

/** What is refused is looked up, noted and counted too. */
async function refuse(server: TestServer): Promise<void> {
  const { email, apiKey, apiKeyId, accessToken: bearer } = await registerInvited(server, 'owner@example.com');
  const refused = async (status: number, method: string, path: string, options: CallOptions): Promise<void> => {
    assert.equal((await server.call(method, path, options)).status, status, `${method} ${path}`);
  };
  await refused(401, 'GET', '/me', { key: `ink_${'0'.repeat(48)}` });
  await refused(401, 'POST', '/auth/login', { json: { email, password: 'not the password of anybody' } });
  await refused(401, 'POST', '/auth/login', { json: { email: 'nobody@example.com', password: goodPassword } });
  await refused(401, 'POST', '/auth/refresh', { refreshToken: 'unknown' });
  await refused(404, 'GET', `/documents/doc_${'0'.repeat(32)}`, { key: apiKey });
  await server.call('PATCH', `/api-keys/${apiKeyId}`, { bearer, json: { allowed_ips: ['192.0.2.1'] } });
  await refused(403, 'GET', '/me', { key: apiKey });
  await server.call('POST', `/api-keys/${apiKeyId}/rotate`, { bearer });
  await refused(401, 'GET', '/me', { key: apiKey });
}
