import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { countWrites } from './database-probes.ts';

const rotate = (server: TestServer, account: TestAccount, json?: { reason: string }) =>
  server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken, ...(json && { json }) });

test('a rotated key is refused on the next request, the new one works, and id, name and documents stay', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  for (let use = 0; use < 50; use++) await server.call('GET', '/me', { key: account.apiKey });

  const [before] = (await server.call('GET', '/api-keys/', { bearer: account.accessToken })).json.items;
  const answer = await rotate(server, account, { reason: 'pasted into a chat' });
  assert.equal(answer.status, 200);
  assert.match(answer.json.api_key, /^ink_[0-9a-f]{48}$/);
  const refused = await server.call('GET', '/me', { key: account.apiKey });
  assert.equal(refused.status, 401);
  assert.equal(refused.json.code, 'invalid_credentials');
  assert.equal((await server.call('GET', '/me', { key: answer.json.api_key })).json.id, account.id);

  const { items } = (await server.call('GET', '/api-keys/', { bearer: account.accessToken })).json;
  assert.equal(items.length, 1);
  assert.equal(items[0].id, before.id);
  assert.equal(items[0].name, before.name);
  assert.equal(items[0].created_at, before.created_at);
  assert.equal(before.rotated_at, null);
  assert.ok(items[0].rotated_at >= items[0].created_at);
  assert.equal(items[0].hint, `${answer.json.api_key.slice(0, 8)}…${answer.json.api_key.slice(-4)}`);

  const events = await server.services.database.query
    .selectFrom('events')
    .selectAll()
    .where('kind', '=', 'api_key_rotated')
    .execute();
  assert.equal(events.length, 1);
  assert.equal(events[0]?.api_key_id, account.apiKeyId);
  assert.equal(events[0]?.details, '{"reason":"pasted into a chat"}');
});

test('20 parallel rotations leave exactly one live key, the one answered last', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const answers = await Promise.all(Array.from({ length: 20 }, () => rotate(server, account)));
  assert.ok(answers.every((answer) => answer.status === 200));
  const keys = [account.apiKey, ...answers.map((answer) => answer.json.api_key as string)];
  assert.equal(new Set(keys).size, 21);
  const statuses = await Promise.all(keys.map(async (key) => (await server.call('GET', '/me', { key })).status));
  assert.equal(statuses.filter((status) => status === 200).length, 1);
  assert.equal(statuses.filter((status) => status === 401).length, 20);
});

test('probes with the old key during 100 rotations never succeed when sent after the answer', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  let key = account.apiKey;
  for (let round = 0; round < 100; round++) {
    const probes = Array.from({ length: 4 }, () => server.call('GET', '/me', { key }));
    const answer = await rotate(server, account);
    const after = await Promise.all([
      server.call('GET', '/me', { key }),
      server.call('GET', '/me', { key: answer.json.api_key }),
    ]);
    assert.deepEqual(
      after.map(({ status }) => status),
      [401, 200],
    );
    await Promise.all(probes);
    key = answer.json.api_key;
  }
});

test('rotating wants the password proved in the last 15 minutes', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const shift = (seconds: number) =>
    server.services.database.query
      .updateTable('sessions')
      .set({ authenticated_at: sql<number>`authenticated_at - ${seconds * 1000}` })
      .execute();
  await shift(14 * 60);
  assert.equal((await rotate(server, account)).status, 200);
  await shift(2 * 60);
  assert.equal((await rotate(server, account)).json.code, 'reauthentication_required');

  const wrong = await server.call('POST', '/auth/reauthenticate', {
    bearer: account.accessToken,
    json: { password: 'not the password' },
  });
  assert.equal(wrong.status, 401);
  assert.equal((await rotate(server, account)).status, 403, 'a wrong password proves nothing');
  const proved = await server.call('POST', '/auth/reauthenticate', {
    bearer: account.accessToken,
    json: { password: account.password },
  });
  assert.equal(proved.status, 204);
  assert.equal((await rotate(server, account)).status, 200);

  await shift(16 * 60);
  const refreshed = await server.call('POST', '/auth/refresh', { refreshToken: account.refreshToken });
  account.accessToken = refreshed.json.access_token;
  assert.equal((await rotate(server, account)).status, 403, 'a refresh is no proof of the password');
});

test('a key cannot list or rotate keys, and nobody can rotate another’s', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  const byKey = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { key: account.apiKey });
  assert.equal(byKey.json.code, 'session_required');
  assert.equal((await server.call('GET', '/api-keys/', { key: account.apiKey })).json.code, 'session_required');
  const foreign = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: other.accessToken });
  const missing = await server.call('POST', `/api-keys/key_${'0'.repeat(32)}/rotate`, { bearer: other.accessToken });
  assert.equal(foreign.status, 404);
  assert.deepEqual({ ...foreign.json, request_id: '' }, { ...missing.json, request_id: '' });
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('keys are 52 characters from 192 random bits, and the database holds only their SHA-256', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  assert.equal(account.apiKey.length, 52);
  const row = await server.services.database.query.selectFrom('api_keys').selectAll().executeTakeFirstOrThrow();
  assert.match(row.hash, /^[0-9a-f]{64}$/);
  assert.ok(!JSON.stringify(row).includes(account.apiKey.slice(9, -4)));
});

test('last use is gathered, not written on the request, and appears with its address after a flush', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const writes = countWrites(t);
  const start = Date.now();
  for (let use = 0; use < 10; use++) await server.call('GET', '/me', { key: account.apiKey });
  assert.equal(writes(), 0, 'ten authenticated reads wrote nothing');
  await server.services.apiKeys.flushLastUses();
  const [key] = (await server.call('GET', '/api-keys/', { bearer: account.accessToken })).json.items;
  assert.equal(key.last_used_ip, '127.0.0.1');
  assert.ok(Date.parse(key.last_used_at) >= start && Date.parse(key.last_used_at) <= Date.now());
});
