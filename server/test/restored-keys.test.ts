import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { operator } from '../src/auth/actor.ts';
import { backUpDatabase } from '../src/database/backup.ts';
import { restoreDatabase } from '../src/database/restore.ts';
import { bootServer, type TestAccount, type TestServer, temporaryDirectory } from './boot.ts';
import { callFrom } from './call-from.ts';

async function statusFrom(address: string, server: TestServer, key: string): Promise<number> {
  return (await callFrom(address, server, 'GET', '/documents/', { key })).status;
}

const allow = (server: TestServer, { apiKeyId, accessToken }: TestAccount, allowedIps: string[]) =>
  server.call('PATCH', `/api-keys/${apiKeyId}`, { bearer: accessToken, json: { allowed_ips: allowedIps } });

async function retired(server: TestServer, bearer: string) {
  await server.services.apiKeys.flushRetiredKeyAttempts();
  return (await server.call('GET', '/api-keys/', { bearer })).json.items[0].retired;
}

test('a restore brings its list back, and a server that was running goes by it', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const backup = join(temporaryDirectory(t), 'backup.db');
  await allow(server, account, ['127.0.2.0/24']);
  assert.equal(await statusFrom('127.0.2.1', server, account.apiKey), 200);
  await backUpDatabase(server.config.database, backup);
  await allow(server, account, ['127.0.3.0/24']);
  assert.equal(await statusFrom('127.0.2.1', server, account.apiKey), 403);
  await restoreDatabase(backup, server.config, { killKeys: false });
  assert.equal(await statusFrom('127.0.2.1', server, account.apiKey), 200);
  assert.equal(await statusFrom('127.0.3.1', server, account.apiKey), 403);
});

test('a retired key stays refused after a restore that kills keys, and after one that does not', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { apiKeys } = server.services;
  const { secret } = await apiKeys.rotate(account.id, account.apiKeyId, null, operator);
  const backup = join(temporaryDirectory(t), 'inksong.db');
  await backUpDatabase(server.config.database, backup);
  const { secret: newest } = await apiKeys.rotate(account.id, account.apiKeyId, null, operator);
  const live = async () =>
    Promise.all([account.apiKey, secret, newest].map(async (key) => (await server.call('GET', '/me', { key })).status));
  assert.deepEqual(await live(), [401, 401, 200]);
  await restoreDatabase(backup, server.config, { killKeys: false });
  assert.deepEqual(await live(), [401, 200, 401]);
  await restoreDatabase(backup, server.config, { killKeys: true });
  assert.deepEqual(await live(), [401, 401, 401]);
  const after = await server.login(account);
  assert.equal(
    (await retired(server, after.accessToken)).attempts,
    3,
    'the key retired before the backup is still counted',
  );
});
