import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootServer } from './boot.ts';
import { restoreScene } from './restore-scene.ts';
import { runInksong } from './run-inksong.ts';

test('doctor --after-restore ends what another tool has brought back: sessions, refresh tokens, invitations, mailed links, unsent mail', async (t) => {
  const { server, ada, titles } = await restoreScene(t);
  const { environment } = server;
  const asked = await runInksong(t, ['doctor', '--after-restore'], { environment });
  assert.equal(asked.code, 1);
  assert.match(
    asked.stderr,
    /^Everybody with an account in [^\n]+ will be signed out, open links end\. [^\n]+ add --yes/,
  );
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);

  const { stdout, stderr } = await runInksong(t, ['doctor', '--after-restore', '--yes'], { environment });
  assert.match(
    stdout,
    /^Ended 1 session, 1 invitation, 1 mailed link\.\nKeys rotated after the backup [^\n]+ --kill-keys/,
    stderr,
  );
  assert.match(stdout, /\n✓ configuration: [^\n]+\n✓ public URL: /);
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken })).status, 401);
  assert.deepEqual(await titles(ada.apiKey), ['old']);
  const { query } = server.services.database;
  for (const table of ['invitations', 'mailed_links', 'outbox', 'limit_counters'] as const) {
    assert.deepEqual(await query.selectFrom(table).selectAll().execute(), [], table);
  }
});

test('doctor --after-restore --kill-keys voids every key; people log in and rotate', async (t) => {
  const server = await bootServer(t);
  const people = [await server.register(), await server.register()];
  const words = ['doctor', '--after-restore', '--kill-keys', '--yes', '--json'];
  const { stdout } = await runInksong(t, words, { environment: server.environment });
  assert.equal(JSON.parse(stdout).after_restore.killed_keys, 2);
  for (const person of people) {
    assert.equal((await server.call('GET', '/me', { key: person.apiKey })).status, 401);
    const { accessToken } = await server.login(person);
    const rotated = await server.call('POST', `/api-keys/${person.apiKeyId}/rotate`, { bearer: accessToken });
    assert.equal((await server.call('GET', '/me', { key: rotated.json.api_key })).status, 200);
  }
});

test('doctor kills no key unless a restore is spoken of', async (t) => {
  const { environment } = await bootServer(t);
  const { code, stderr } = await runInksong(t, ['doctor', '--kill-keys'], { environment });
  assert.deepEqual([code, stderr], [1, '--kill-keys goes with --after-restore.\n']);
});
