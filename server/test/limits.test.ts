import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { type Answer, bootServer, goodPassword, send, type TestServer, temporaryDirectory } from './boot.ts';
import { callFrom } from './call-from.ts';
import { failStatements, faults } from './database-probes.ts';
import { spawnServer } from './spawn-server.ts';

const wrongLogin = (server: Pick<TestServer, 'call'>, email: string) =>
  server.call('POST', '/auth/login', { json: { email, password: 'not the password at all' } });

const parallel = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

function statuses(answers: { status: number }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The members of a structured list of strings with integer parameters (RFC 9651), which both headers are. */
function parseList(header: string | null): Record<string, Record<string, number>> {
  const members = (header ?? '').split(', ').map((member) => {
    const [, name = '', parameters = ''] = /^"([a-z]+)"((?:;[a-z]+=\d+)+)$/.exec(member) ?? assert.fail(String(header));
    const pairs = parameters.slice(1).split(';');
    return [name, Object.fromEntries(pairs.map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]))];
  });
  return Object.fromEntries(members);
}

function assertLimited(answer: Answer): void {
  assert.equal(answer.status, 429, String(answer.bytes));
  assert.equal(answer.json.code, 'rate_limited');
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  assert.equal(answer.headers.get('www-authenticate'), null, 'a 429 never looks like a 401');
  assert.equal(answer.headers.get('set-cookie'), null);
}

test('of 200 parallel sign-ups and logins from one address exactly ten are let in', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '10/min' });
  const answers = await parallel(200, (index) =>
    index % 2 === 0
      ? wrongLogin(server, `nobody${index}@example.com`)
      : server.call('POST', '/auth/register', { json: { email: `new${index}@example.com`, password: goodPassword } }),
  );
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 190, JSON.stringify(statuses(answers)));
  for (const answer of refused) assertLimited(answer);
});

test('two processes on one database let in ten together, not ten each', async (t) => {
  const folder = temporaryDirectory(t);
  const environment = { INKSONG_RATE_LIMIT_AUTH: '10/min' };
  const servers = [await spawnServer(t, folder, environment), await spawnServer(t, folder, environment)];
  const answers = await parallel(200, (index) =>
    send(`${servers[index % 2]?.url}/api/v1/auth/login`, 'POST', {
      json: { email: `nobody${index}@example.com`, password: 'not the password at all' },
    }),
  );
  assert.deepEqual(statuses(answers), { 401: 10, 429: 190 });
});

test('another address is not held back by the first, and an IPv4 address mapped into IPv6 is no other', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '2/hour' });
  const login = (address: string, to: Pick<TestServer, 'url' | 'app'> = server) =>
    callFrom(address, to, 'POST', '/auth/login', { json: { email: 'nobody@example.com', password: 'wrong' } });
  assert.equal((await login('127.0.0.5')).status, 401);
  assert.equal((await login('127.0.0.5')).status, 401);
  assertLimited(await login('127.0.0.5'));
  assert.equal((await login('127.0.1.6')).status, 401);

  const { createApp } = await import('../src/app.ts');
  const mapped = await createApp(server.config, server.services, server.app.log);
  t.after(() => mapped.close());
  await mapped.listen({ host: '::ffff:127.0.0.1', port: 0 });
  const address = mapped.server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `http://127.0.0.1:${address.port}`;
  assertLimited(await login('127.0.0.5', { url, app: mapped }));
});

test('addresses of one IPv6 /64 share a limit, those of another do not', async (t) => {
  const { services } = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '2/min' });
  const refused = async (address: string) => (await services.limits.take('auth', address))?.refused;
  assert.deepEqual(
    [await refused('2001:db8::1'), await refused('2001:db8::2'), await refused('2001:db8::ffff:1')],
    [false, false, true],
  );
  assert.equal(await refused('2001:db8:0:1::1'), false);
});

test('of 200 parallel requests of one account, with either scheme, exactly as many pass as documented; another account is free', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '50/min' });
  const account = await server.register();
  const spent = 2;
  const answers = await parallel(200, (index) =>
    server.call('GET', '/me', index % 2 === 0 ? { key: account.apiKey } : { bearer: account.accessToken }),
  );
  assert.deepEqual(statuses(answers), { 200: 50 - spent, 429: 150 + spent });
  for (const answer of answers.filter(({ status }) => status === 429)) assertLimited(answer);
  const other = await server.register();
  assert.equal((await server.call('GET', '/me', { key: other.apiKey })).status, 200);
});

test('requests whose credential is bad count for nobody, and are told 401 whatever the limit', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '5/min' });
  const account = await server.register();
  const bad = await parallel(50, () => server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}` }));
  assert.deepEqual(statuses(bad), { 401: 50 });
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('a spent limit comes after verification and access, and before validation', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '3/min' });
  const account = await server.register();
  await server.call('GET', '/me', { key: account.apiKey });
  assert.equal((await server.call('GET', '/api-keys/', { key: account.apiKey })).json.code, 'session_required');
  const { apiKey: key, accessToken: bearer } = account;
  assert.equal((await server.call('GET', '/me', { key, bearer })).status, 400);
  assertLimited(await server.call('POST', '/documents/', { key, json: { nonsense: true } }));
  assertLimited(
    await server.call('POST', '/documents/', { key, body: '{', headers: { 'Content-Type': 'application/json' } }),
  );
});

test('requests that another site’s page sends are refused before they count', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '2/min' });
  const json = { email: 'nobody@example.com', password: 'not the password at all' };
  const answers = await parallel(10, () =>
    server.call('POST', '/auth/login', { json, headers: { 'Sec-Fetch-Site': 'cross-site' } }),
  );
  assert.deepEqual(statuses(answers), { 403: 10 });
  assert.equal((await server.call('POST', '/auth/login', { json })).status, 401);
});

test('refreshes from one address are limited, in parallel too, and a refused one leaves the cookie good', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_REFRESH: '60/min' });
  const { refreshToken } = await server.register();
  const answers = await parallel(200, () => server.call('POST', '/auth/refresh', { refreshToken: 'x'.repeat(43) }));
  assert.deepEqual(statuses(answers), { 401: 60, 429: 140 });
  assertLimited(await server.call('POST', '/auth/refresh', { refreshToken }));
  const elsewhere = await bootServer(t, { INKSONG_DATA_DIR: server.config.dataDirectory });
  assert.equal((await elsewhere.call('POST', '/auth/refresh', { refreshToken })).status, 200);
});

test('answers of limited routes say where the client stands, with a list where several limits apply', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '10/min', INKSONG_RATE_LIMIT_API: '100/s' });
  const account = await server.register();
  const login = await server.call('POST', '/auth/login', {
    json: { email: account.email, password: account.password },
  });
  assert.deepEqual(parseList(login.headers.get('ratelimit-policy')), { auth: { q: 10, w: 60 } });
  const { auth } = parseList(login.headers.get('ratelimit'));
  assert.equal(auth?.r, 8);
  assert.ok(auth?.t && auth.t >= 1 && auth.t <= 60);

  const proof = await server.call('POST', '/auth/reauthenticate', {
    bearer: login.json.access_token,
    json: { password: account.password },
  });
  assert.equal(proof.status, 204);
  assert.deepEqual(parseList(proof.headers.get('ratelimit-policy')), { api: { q: 100, w: 1 }, auth: { q: 10, w: 60 } });
  assert.equal(parseList(proof.headers.get('ratelimit')).auth?.r, 7);

  for (let left = 7; left > 0; left--) await wrongLogin(server, `nobody${left}@example.com`);
  const refused = await wrongLogin(server, 'nobody@example.com');
  assertLimited(refused);
  const state = parseList(refused.headers.get('ratelimit')).auth;
  assert.equal(state?.r, 0);
  assert.equal(String(state?.t), refused.headers.get('retry-after'));
  assert.equal((await server.call('GET', '/auth/config')).headers.get('ratelimit'), null, 'no limit, no header');
});

test('off means off: nothing is refused, nothing is said, nothing is counted', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const answers = [
    ...(await parallel(30, (index) => wrongLogin(server, `nobody${index}@example.com`))),
    ...(await parallel(100, () => server.call('POST', '/auth/refresh'))),
    ...(await parallel(1_100, () => server.call('GET', '/me', { key }))),
  ];
  assert.deepEqual(statuses(answers), { 200: 1_100, 401: 130 });
  assert.ok(answers.every(({ headers }) => !headers.has('ratelimit') && !headers.has('ratelimit-policy')));
  assert.deepEqual(await counters(server, 'auth:%'), []);
});

test('the limits are on unless the operator says otherwise, at the documented rates', async () => {
  const { readConfig } = await import('../src/config/config.ts');
  assert.deepEqual(readConfig({}).rates, {
    auth: { points: 10, seconds: 60 },
    refresh: { points: 60, seconds: 60 },
    api: { points: 1000, seconds: 60 },
  });
  assert.throws(() => readConfig({ INKSONG_RATE_LIMIT_AUTH: 'ten' }), /INKSONG_RATE_LIMIT_AUTH must look like 10\/min/);
});

test('a clock of the database that jumps back by an hour keeps nobody out', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '1/min' });
  assert.equal((await wrongLogin(server, 'nobody@example.com')).status, 401);
  await server.services.database.query
    .updateTable('limit_counters')
    .set({ expires_at: sql<number>`expires_at + 3600000` })
    .execute();
  assert.equal((await wrongLogin(server, 'nobody@example.com')).status, 401);
});

test('a window that is over begins anew, and its row is purged', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '1/min' });
  const { services } = server;
  assert.equal((await wrongLogin(server, 'nobody@example.com')).status, 401);
  await services.database.query.updateTable('limit_counters').set({ expires_at: 1 }).execute();
  assert.equal((await wrongLogin(server, 'nobody@example.com')).status, 401);
  await services.limits.purge();
  assert.equal((await counters(server, 'auth:%')).length, 1, 'a live one stays');
  await services.database.query.updateTable('limit_counters').set({ expires_at: 1 }).execute();
  await services.limits.purge();
  assert.deepEqual(await counters(server, '%'), []);
});

test('while the shared counts cannot be read, nobody signs in or up: 503, and good credentials go on working', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_AUTH: '10/min' });
  const account = await server.register();
  failStatements(t, faults.unreadable, (sql) => sql.includes('limit_counters'));
  const { email, password } = account;
  for (const answer of [
    await server.call('POST', '/auth/login', { json: { email, password } }),
    await server.call('POST', '/auth/register', { json: { email: 'new@example.com', password } }),
    await server.call('POST', '/auth/password/forgot', { json: { email } }),
  ]) {
    assert.equal(answer.status, 503);
    assert.equal(answer.json.code, 'unavailable');
  }
  await assert.rejects(server.services.limits.take('auth', '192.0.2.1'), { code: 'unavailable' });
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('an account sees in its events that it reached a limit', async (t) => {
  const server = await bootServer(t, { INKSONG_RATE_LIMIT_API: '3/min' });
  const account = await server.register();
  await parallel(5, () => server.call('GET', '/me', { key: account.apiKey }));
  await server.services.events.flush();
  const events = await server.services.database.query
    .selectFrom('events')
    .select(['account_id', 'count', 'address'])
    .where('kind', '=', 'limit_reached')
    .execute();
  assert.deepEqual(
    events.map((event) => ({ ...event })),
    [{ account_id: account.id, count: 4, address: '127.0.0.1' }],
  );
});

const counters = ({ services }: TestServer, like: string) =>
  services.database.query.selectFrom('limit_counters').selectAll().where('key', 'like', like).execute();
