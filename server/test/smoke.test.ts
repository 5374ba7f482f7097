import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from './boot.ts';

test('a registered account is known by its key and by its access token', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const byKey = await server.call('GET', '/me', { key: account.apiKey });
  const byToken = await server.call('GET', '/me', { bearer: account.accessToken });
  assert.equal(byKey.json.id, account.id);
  assert.equal(byToken.json.id, account.id);
  const rotated = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  assert.equal(rotated.status, 200, String(rotated.bytes));
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: rotated.json.api_key })).status, 200);
  assert.equal((await server.call('GET', '/openapi.json')).status, 200);
});
