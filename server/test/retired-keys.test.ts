import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { choresOf } from '../src/app.ts';
import { operator } from '../src/auth/actor.ts';
import { bootServer, type TestServer, temporaryDirectory } from './boot.ts';
import { countWrites } from './database-probes.ts';

async function retired(server: TestServer, bearer: string) {
  await server.services.apiKeys.flushRetiredKeyAttempts();
  return (await server.call('GET', '/api-keys/', { bearer })).json.items[0].retired;
}

test('after a rotation the owner sees how many requests still come with the old key, when last and from where', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { accessToken: bearer, apiKeyId } = account;
  assert.equal(await retired(server, bearer), null);
  const rotated = await server.call('POST', `/api-keys/${apiKeyId}/rotate`, { bearer });
  const fresh = await retired(server, bearer);
  assert.equal(fresh.rotated_at, rotated.json.rotated_at);
  assert.deepEqual([fresh.attempts, fresh.last_attempt_at, fresh.last_attempt_ip], [0, null, null]);

  const unknown = await server.call('GET', '/me', { key: `ink_${'0'.repeat(48)}` });
  for (let count = 0; count < 14; count++) {
    const answer = await server.call('GET', '/me', { key: account.apiKey });
    assert.deepEqual({ ...answer.json, request_id: '' }, { ...unknown.json, request_id: '' });
  }
  await server.call('GET', '/me', { key: rotated.json.api_key });
  const seen = await retired(server, bearer);
  assert.equal(seen.attempts, 14);
  assert.equal(seen.last_attempt_ip, '127.0.0.1');
  assert.ok(Date.parse(seen.last_attempt_at) <= Date.now());
});

test('a new rotation starts a new count, in which every former key counts; deleting the account forgets them', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { accessToken: bearer, apiKeyId } = account;
  const keys = [account.apiKey];
  for (let count = 0; count < 3; count++) {
    const rotated = await server.call('POST', `/api-keys/${apiKeyId}/rotate`, { bearer });
    keys.push(rotated.json.api_key);
    for (const key of keys.slice(0, -1)) assert.equal((await server.call('GET', '/me', { key })).status, 401);
    assert.equal((await retired(server, bearer)).attempts, count + 1);
  }
  await server.services.accounts.delete(account.id);
  const { query } = server.services.database;
  assert.deepEqual(await query.selectFrom('retired_api_keys').select('hash').execute(), []);
});

test('attempts with a retired key write nothing, and a flush that fails keeps them', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { database, apiKeys } = server.services;
  const { secret } = await apiKeys.rotate(account.id, account.apiKeyId, null, operator);
  const writes = countWrites(t);
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => server.call('GET', '/me', { key: account.apiKey })),
  );
  assert.ok(answers.every(({ status }) => status === 401));
  assert.equal((await server.call('GET', '/me', { key: secret })).status, 200);
  assert.equal(writes(), 0);
  await database.query.schema.alterTable('retired_api_keys').renameTo('elsewhere').execute();
  await assert.rejects(apiKeys.flushRetiredKeyAttempts());
  await database.query.schema.alterTable('elsewhere').renameTo('retired_api_keys').execute();
  assert.equal((await retired(server, account.accessToken)).attempts, 200);
});

test('from where a retired key was tried is forgotten after the days for addresses; how often and when stays', async (t) => {
  const server = await bootServer(t, { INKSONG_ADDRESS_RETENTION_DAYS: '10' });
  const account = await server.register();
  const { accessToken: bearer, apiKeyId } = account;
  await server.call('POST', `/api-keys/${apiKeyId}/rotate`, { bearer });
  await server.call('GET', '/me', { key: account.apiKey });
  const forget = choresOf(server.services).find(({ name }) => name === 'forget addresses of rotated keys');
  const age = (days: number) =>
    server.services.database.query
      .updateTable('retired_api_keys')
      .set({ last_attempt_at: sql<number>`last_attempt_at - ${days * 86_400_000}` })
      .execute();
  const fresh = await retired(server, bearer);
  await age(9);
  await forget?.run();
  assert.equal((await retired(server, bearer)).last_attempt_ip, '127.0.0.1');
  await age(2);
  await forget?.run();
  const old = await retired(server, bearer);
  assert.equal(old.last_attempt_ip, null);
  assert.equal(old.attempts, 1);
  assert.equal(Date.parse(fresh.last_attempt_at) - Date.parse(old.last_attempt_at), 11 * 86_400_000);
});

test('two processes count one retired key together, and the later attempt says from where', async (t) => {
  const INKSONG_DATA_DIR = temporaryDirectory(t);
  const nodes = [await bootServer(t, { INKSONG_DATA_DIR }), await bootServer(t, { INKSONG_DATA_DIR })] as const;
  const account = await nodes[0].register();
  await nodes[0].services.apiKeys.rotate(account.id, account.apiKeyId, null, operator);
  await nodes[1].services.apiKeys.verify(account.apiKey, '203.0.113.1');
  // The second one's clock must have moved on for it to be the later one.
  const until = Date.now();
  while (Date.now() === until) await new Promise((resolve) => setImmediate(resolve));
  await nodes[0].services.apiKeys.verify(account.apiKey, '203.0.113.2');
  await nodes[0].services.apiKeys.flushRetiredKeyAttempts();
  await nodes[1].services.apiKeys.flushRetiredKeyAttempts();
  const seen = await retired(nodes[0], account.accessToken);
  assert.deepEqual([seen.attempts, seen.last_attempt_ip], [2, '203.0.113.2']);
});

test('of a key the last 20 secrets stay known, and parallel rotations retire each of theirs', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { apiKeys, database } = server.services;
  const rotate = () => apiKeys.rotate(account.id, account.apiKeyId, null, operator);
  await Promise.all(Array.from({ length: 10 }, rotate));
  const known = () => database.query.selectFrom('retired_api_keys').select('hash').execute();
  assert.equal((await known()).length, 10);
  const secrets: string[] = [];
  for (let count = 0; count < 25; count++) secrets.push((await rotate()).secret);
  assert.equal((await known()).length, 20);
  await apiKeys.verify(account.apiKey, '203.0.113.1');
  assert.equal((await retired(server, account.accessToken)).attempts, 0, 'the first one is long forgotten');
  for (const secret of secrets) await apiKeys.verify(secret, '203.0.113.1');
  assert.equal((await retired(server, account.accessToken)).attempts, 20);
});
