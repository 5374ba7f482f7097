import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer, goodPassword, type TestAccount, type TestServer } from './boot.ts';
import { refuseWrites } from './database-probes.ts';

const newPassword = 'seven other words would do better';

const change = (server: TestServer, bearer: string, current: string, next: string) =>
  server.call('POST', '/auth/password', { bearer, json: { current_password: current, new_password: next } });

const login = (server: TestServer, { email }: TestAccount, password: string) =>
  server.call('POST', '/auth/login', { json: { email, password } });

const status = async (server: TestServer, bearer: string) => (await server.call('GET', '/me', { bearer })).status;

const rowsOf = (server: TestServer, accountId: string) => {
  const { query } = server.services.database;
  return Promise.all([
    query
      .selectFrom('events')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('kind', '=', 'password_changed')
      .execute(),
    query.selectFrom('outbox').selectAll().where('account_id', '=', accountId).execute(),
  ]);
};

test('a password change ends every other session at once, and this one and the key go on', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const stranger = await server.register();
  const others = [await server.login(account), await server.login(account)];
  const answer = await change(server, account.accessToken, account.password, newPassword);
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get('set-cookie'), null);
  for (const other of others) {
    assert.equal(await status(server, other.accessToken), 401);
    assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: other.refreshToken })).status, 401);
  }
  assert.equal(await status(server, account.accessToken), 200);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken })).status, 200);
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
  assert.equal(await status(server, stranger.accessToken), 200);
  assert.equal((await login(server, account, goodPassword)).status, 401);
  assert.equal((await login(server, account, newPassword)).status, 200);
});

test('a password change counts as signing in afresh', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.database.query
    .updateTable('sessions')
    .set({ authenticated_at: sql<number>`authenticated_at - 3600000` })
    .execute();
  const rotate = () => server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  assert.equal((await rotate()).json.code, 'reauthentication_required');
  await change(server, account.accessToken, account.password, newPassword);
  assert.equal((await rotate()).status, 200);
});

test('a wrong current password is the same 401 as at reauthenticate, and a bad new one is 422; neither changes anything', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.login(account);
  const wrong = await change(server, account.accessToken, 'not the password of anybody', newPassword);
  const { code, status: wrongStatus } = (
    await server.call('POST', '/auth/reauthenticate', {
      bearer: account.accessToken,
      json: { password: 'not the password of anybody' },
    })
  ).json;
  assert.deepEqual([wrong.json.code, wrong.status], [code, wrongStatus]);
  assert.equal(wrong.status, 401);
  for (const bad of ['fourteen chars', 'passwordpassword1', account.email + account.email, 'vkq zhw '.repeat(140)]) {
    const refused = await change(server, account.accessToken, account.password, bad);
    assert.equal(refused.status, 422, bad);
    assert.equal(refused.json.errors[0].pointer, '/new_password');
  }
  assert.equal(await status(server, other.accessToken), 200);
  assert.equal((await login(server, account, goodPassword)).status, 200);
  assert.deepEqual(await rowsOf(server, account.id), [[], []]);
});

test('a key cannot change the password', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const json = { current_password: account.password, new_password: newPassword };
  assert.equal(
    (await server.call('POST', '/auth/password', { key: account.apiKey, json })).json.code,
    'session_required',
  );
});

test('a password change leaves one event and one mail to the owner, and voids the links mailed before', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { query } = server.services.database;
  await query
    .insertInto('mailed_links')
    .values({
      hash: 'h',
      purpose: 'password_reset',
      email: account.email,
      account_id: account.id,
      password_hash: null,
      expires_at: 9e15,
    })
    .execute();
  await change(server, account.accessToken, account.password, newPassword);
  const [events, mails] = await rowsOf(server, account.id);
  assert.equal(events.length, 1);
  assert.equal(events[0]?.session_id, account.sessionId);
  assert.equal(events[0]?.address, '127.0.0.1');
  assert.deepEqual(
    mails.map(({ kind, recipient }) => [kind, recipient]),
    [['password_changed', account.email]],
  );
  assert.deepEqual(await query.selectFrom('mailed_links').selectAll().execute(), []);
});

for (const table of ['events', 'outbox', 'sessions'] as const) {
  test(`a password change that cannot write to ${table} changes nothing`, async (t) => {
    const server = await bootServer(t);
    const account = await server.register();
    const { database } = server.services;
    const allowAgain = await refuseWrites(database, table, table === 'sessions' ? 'UPDATE' : 'INSERT');
    assert.equal((await change(server, account.accessToken, account.password, newPassword)).status, 500);
    await allowAgain();
    assert.equal((await login(server, account, goodPassword)).status, 200);
    assert.deepEqual(await rowsOf(server, account.id), [[], []]);
  });
}

test('a sign-in with the old password that was under way gets no session', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { passwords } = server.services;
  const verify = passwords.verify.bind(passwords);
  const mock = t.mock.method(passwords, 'verify', async (phc: string | null, password: string) => {
    const proved = await verify(phc, password);
    mock.mock.restore();
    assert.equal((await change(server, account.accessToken, account.password, newPassword)).status, 204);
    return proved;
  });
  const answer = await login(server, account, goodPassword);
  assert.equal(answer.status, 401);
  assert.equal(answer.refreshToken, null);
  const { query } = server.services.database;
  const live = await query.selectFrom('sessions').select('id').where('ended_at', 'is', null).execute();
  assert.deepEqual(
    live.map(({ id }) => id),
    [account.sessionId],
  );
});

test('a session that was ended while it changed the password does not change it', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const mine = await server.login(account);
  const { passwords } = server.services;
  const hash = passwords.hash.bind(passwords);
  t.mock.method(passwords, 'hash', async (password: string) => {
    await server.call('DELETE', '/auth/sessions/', { bearer: mine.accessToken });
    return hash(password);
  });
  assert.equal((await change(server, account.accessToken, account.password, newPassword)).status, 401);
  assert.equal(await status(server, mine.accessToken), 200);
  assert.equal((await login(server, account, goodPassword)).status, 200);
  assert.deepEqual(await rowsOf(server, account.id), [[], []]);
});

test('of parallel changes by two sessions one wins; the other session has ended', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.login(account);
  const tries: [accessToken: string, password: string][] = [
    [account.accessToken, newPassword],
    [other.accessToken, 'eight quite different words are better'],
  ];
  const statuses = await Promise.all(
    tries.map(async ([token, password]) => (await change(server, token, account.password, password)).status),
  );
  assert.deepEqual([...statuses].sort(), [204, 401]);
  for (const [index, [token, password]] of tries.entries()) {
    const won = statuses[index] === 204;
    assert.equal(await status(server, token), won ? 200 : 401);
    assert.equal((await login(server, account, password)).status, won ? 200 : 401);
  }
  const [events] = await rowsOf(server, account.id);
  assert.equal(events.length, 1);
});

test('of parallel changes by one session one wins; the other had proved a password that is none any more', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const passwords = [newPassword, 'eight quite different words are better'];
  const statuses = await Promise.all(
    passwords.map(async (password) => (await change(server, account.accessToken, account.password, password)).status),
  );
  assert.deepEqual([...statuses].sort(), [204, 401]);
  const won = passwords[statuses.indexOf(204)] ?? '';
  assert.equal((await login(server, account, won)).status, 200);
  const [events, mails] = await rowsOf(server, account.id);
  assert.deepEqual([events.length, mails.length], [1, 1]);
});
