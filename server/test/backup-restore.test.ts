import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { databaseFile, goodPassword } from './boot.ts';
import { restoreScene } from './restore-scene.ts';
import { testEngine } from './test-database.ts';

test("a restore beside a running server: its next requests see the backup's content, and it goes on writing", async (t) => {
  const { server, ada, restore, titles } = await restoreScene(t);
  const rotated = await server.call('POST', `/api-keys/${ada.apiKeyId}/rotate`, { bearer: ada.accessToken });
  const newKey: string = rotated.json.api_key;
  await server.call('POST', '/documents/', { key: newKey, json: { title: 'new', content: 'new' } });
  const eve = await server.register('eve@example.com');

  const { code, stdout, stderr } = await restore('--yes');
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^Restored 1 account and 1 document \(3 bytes\)\. Ended 1 session, 1 invitation, 1 mailed link\.\n/,
  );
  assert.match(stdout, /Keys rotated after the backup was made work again .* --kill-keys/);

  assert.deepEqual(await titles(ada.apiKey), ['old']);
  assert.equal((await server.call('GET', '/me', { key: newKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: eve.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  await server.services.sessions.flushLastUses();
  await server.services.apiKeys.flushLastUses();
  await server.login(ada);
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'later', content: 'later' } });
  assert.deepEqual(await titles(ada.apiKey), ['later', 'old']);
  assert.equal((await server.services.database.query.selectFrom('accounts').select('id').execute()).length, 1);

  if (testEngine !== 'sqlite') return;
  const file = new DatabaseSync(databaseFile(server), { readOnly: true });
  assert.equal(file.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
  file.close();
});

test('a restore ends what was open at the time of the backup: sessions, refresh tokens, invitations, mailed links, unsent mail, limits', async (t) => {
  const { server, ada, invitation, resetToken, restore } = await restoreScene(t);
  assert.equal((await restore('--yes')).code, 0);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken })).status, 401);
  const signUp = { email: 'bob@example.com', password: goodPassword, invitation };
  assert.equal((await server.call('POST', '/auth/register', { json: signUp })).status, 403);
  const reset = { token: resetToken, new_password: 'seven quiet herons crossing water' };
  assert.equal((await server.call('POST', '/auth/password/reset', { json: reset })).json.code, 'link_invalid');
  const { query } = server.services.database;
  assert.deepEqual(await query.selectFrom('outbox').select('kind').execute(), []);
  assert.deepEqual(await query.selectFrom('limit_counters').select('key').execute(), []);
});

test('--kill-keys voids every key; people log in and rotate, documents stay', async (t) => {
  const { server, ada, restore, titles } = await restoreScene(t);
  const { code, stdout } = await restore('--yes', '--kill-keys', '--json');
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).killed_keys, 1);
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 401);
  const { accessToken } = await server.login(ada);
  const rotated = await server.call('POST', `/api-keys/${ada.apiKeyId}/rotate`, { bearer: accessToken });
  assert.deepEqual(await titles(rotated.json.api_key), ['old']);
});

test('a restore asks first', async (t) => {
  const { server, ada, restore } = await restoreScene(t);
  const { code, stderr } = await restore();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Everything in [^\n]+ will be replaced by 1 account and 1 document [^\n]* add --yes to do it\.\n$/,
  );
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
});
