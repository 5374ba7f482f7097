import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer, type TestServer } from './boot.ts';

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
