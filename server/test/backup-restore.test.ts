import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { bootServer, databaseFile, goodPassword, type TestAccount, type TestServer } from './boot.ts';
import { parseMail } from './mailbox.ts';
import { type Finished, runInksong, startInksong, temporaryFolder } from './run-inksong.ts';

interface Scene {
  server: TestServer;
  ada: TestAccount;
  /** Made when ada had one document, `old`, and an invitation for bob was open. */
  backup: string;
  /** bob's, of before the backup. */
  invitation: string;
  /** Of a link mailed to ada before the backup. */
  resetToken: string;
  restore(...options: string[]): Promise<Finished>;
  titles(key: string): Promise<string[]>;
}

/** A running server, with a backup of how it was a moment ago. */
async function scene(t: TestContext): Promise<Scene> {
  const server = await bootServer(t);
  const environment = { INKSONG_DATA_DIR: server.config.dataDirectory };
  const ada = await server.register('ada@example.com');
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'old', content: 'old' } });
  const { token } = await server.services.accounts.invite('bob@example.com');
  await server.call('POST', '/auth/password/forgot', { json: { email: ada.email } });
  await server.services.outbox.deliverDue();
  const folder = join(server.config.dataDirectory, 'outbox');
  const [mail = ''] = readdirSync(folder);
  const { token: resetToken } = parseMail(readFileSync(join(folder, mail), 'utf8'), []);
  await server.call('POST', '/auth/email/verify/resend', { json: { email: 'still-to-be-mailed@example.com' } });
  const backup = join(temporaryFolder(t), 'inksong.db');
  const made = await runInksong(t, ['backup', backup], { environment });
  assert.equal(made.code, 0, made.stderr);
  return {
    server,
    ada,
    backup,
    invitation: token,
    resetToken,
    restore: (...options) => runInksong(t, ['restore', backup, ...options], { environment }),
    async titles(key) {
      const answer = await server.call('GET', '/documents/', { key });
      assert.equal(answer.status, 200, String(answer.bytes));
      return answer.json.items.map(({ title }: { title: string }) => title);
    },
  };
}

test("a restore beside a running server: its next requests see the backup's content, and it goes on writing", async (t) => {
  const { server, ada, restore, titles } = await scene(t);
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

  const file = new DatabaseSync(databaseFile(server), { readOnly: true });
  assert.equal(file.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
  file.close();
});

test('a restore ends what was open at the time of the backup: sessions, refresh tokens, invitations, mailed links, unsent mail, limits', async (t) => {
  const { server, ada, invitation, resetToken, restore } = await scene(t);
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
  const { server, ada, restore, titles } = await scene(t);
  const { code, stdout } = await restore('--yes', '--kill-keys', '--json');
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).killed_keys, 1);
  assert.equal((await server.call('GET', '/me', { key: ada.apiKey })).status, 401);
  const { accessToken } = await server.login(ada);
  const rotated = await server.call('POST', `/api-keys/${ada.apiKeyId}/rotate`, { bearer: accessToken });
  assert.deepEqual(await titles(rotated.json.api_key), ['old']);
});

test('a restore asks first', async (t) => {
  const { server, ada, restore } = await scene(t);
  const { code, stderr } = await restore();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Everything in [^\n]+ will be replaced by 1 account and 1 document [^\n]* add --yes to do it\.\n$/,
  );
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 200);
});

test('a restore that is killed at any moment leaves the old content or the new, and the server never sees anything between', async (t) => {
  const { server, ada, backup, titles } = await scene(t);
  // Large enough for the way to be seen: 48 MiB that the account does not show.
  const ballast = new DatabaseSync(backup);
  ballast.exec(`INSERT INTO content_versions (id, account_id, size) VALUES ('ver_ballast', '${ada.id}', 0)`);
  ballast.exec(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 191)
    INSERT INTO content_chunks (version_id, seq, bytes) SELECT 'ver_ballast', i, randomblob(262144) FROM n`);
  ballast.close();
  const restoredBytes = statSync(backup).size;
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'new', content: 'new' } });

  const environment = { INKSONG_DATA_DIR: server.config.dataDirectory };
  const log = `${databaseFile(server)}-wal`;
  let killedOnTheWay = 0;
  for (const part of [0.05, 0.5, 0.9, 0.99]) {
    const restore = startInksong(t, ['restore', backup, '--yes'], { environment });
    let ended = false;
    void restore.finished.then(() => {
      ended = true;
    });
    while (!ended && statSync(log).size < restoredBytes * part) {
      assert.ok(isOneOf(await titles(ada.apiKey)), 'the server saw something between');
    }
    restore.signal('SIGKILL');
    const { code } = await restore.finished;
    const seen = await titles(ada.apiKey);
    assert.ok(isOneOf(seen), 'the kill left something between');
    const file = new DatabaseSync(databaseFile(server), { readOnly: true });
    assert.equal(file.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
    file.close();
    if (code !== null || seen.length === 1) break;
    killedOnTheWay++;
  }
  assert.ok(killedOnTheWay > 0, 'no restore was killed before it was done');

  const last = await runInksong(t, ['restore', backup, '--yes'], { environment });
  assert.equal(last.code, 0, last.stderr);
  assert.deepEqual(await titles(ada.apiKey), ['old']);
  const left = readdirSync(dirname(databaseFile(server))).filter((name) => name.includes('unfinished'));
  assert.deepEqual(left, [], 'what the killed ones left is not cleared away');
});

function isOneOf(titles: string[]): boolean {
  return ['new,old', 'old'].includes(titles.join());
}
