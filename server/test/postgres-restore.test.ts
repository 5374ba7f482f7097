import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { sql } from '#kysely';
import { enlarge, type RestoreScene, restoreScene } from './restore-scene.ts';
import { runInksong, startInksong } from './run-inksong.ts';
import { seenAt } from './seen-statement.ts';

/** Starts a restore and kills it while it is at a statement, asking the server all the while. */
async function killAt(t: TestContext, scene: RestoreScene, statement: string): Promise<void> {
  const { server, ada, backup, titles } = scene;
  const restore = startInksong(t, ['restore', backup, '--yes'], { environment: server.environment });
  let isOver = false;
  void restore.finished.then(() => {
    isOver = true;
  });
  const { DATABASE_URL = '' } = server.environment;
  assert.ok(
    await seenAt(DATABASE_URL, statement, () => isOver),
    `the restore was over before it was seen at ${statement}`,
  );
  assert.equal((await titles(ada.apiKey)).join(), 'new,old', 'the server saw something between');
  restore.signal('SIGKILL');
  assert.equal((await restore.finished).code, null);
  assert.equal((await titles(ada.apiKey)).join(), 'new,old', 'the kill left something between');
}

test('a restore into PostgreSQL that is killed anywhere before its end leaves the old content, and the server never sees anything between', async (t) => {
  const scene = await restoreScene(t);
  const { server, ada, backup, titles } = scene;
  enlarge(scene.backup, scene.ada.id);
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'new', content: 'new' } });
  await killAt(t, scene, 'INSERT INTO "content_chunks" ("bytes"%');
  await killAt(t, scene, 'SELECT "bytes", "seq", "version_id" FROM "content_chunks"%');
  // What it held is let go of at once.
  const upload = { key: ada.apiKey, json: { title: 'newer', content: 'newer' } };
  assert.equal((await server.call('POST', '/documents/', upload)).status, 201);
  const last = await runInksong(t, ['restore', backup, '--yes'], { environment: server.environment });
  assert.equal(last.code, 0, last.stderr);
  assert.deepEqual(await titles(ada.apiKey), ['old']);
  const left = readdirSync(server.config.dataDirectory).filter((name) => name.includes('unfinished'));
  assert.deepEqual(left, [], 'what the killed ones left is not cleared away');
});

test('of what is written while PostgreSQL is restored nothing that was answered is lost, and no session outlives it', async (t) => {
  const scene = await restoreScene(t);
  const { server, ada, backup, titles } = scene;
  enlarge(scene.backup, scene.ada.id);
  const { DATABASE_URL = '' } = server.environment;
  const before = await server.call('POST', `/api-keys/${ada.apiKeyId}/rotate`, { bearer: ada.accessToken });
  const restore = startInksong(t, ['restore', backup, '--yes'], { environment: server.environment });
  let isOver = false;
  void restore.finished.then(() => {
    isOver = true;
  });
  assert.ok(await seenAt(DATABASE_URL, 'INSERT INTO "content_chunks" ("bytes"%', () => isOver));
  const json = { title: 'meanwhile', content: 'meanwhile' };
  const answers = await Promise.all([
    server.call('POST', '/documents/', { key: before.json.api_key, json }),
    server.call('POST', `/api-keys/${ada.apiKeyId}/rotate`, { bearer: ada.accessToken }),
    server.call('POST', '/auth/refresh', { refreshToken: ada.refreshToken }),
    server.call('POST', '/auth/login', { json: { email: ada.email, password: ada.password } }),
  ]);
  const { code, stderr } = await restore.finished;
  assert.equal(code, 0, stderr);
  // Each was let in by the old content and waited for the new: it is either done there, or not at all.
  const [upload, rotation, refresh, login] = answers;
  assert.ok([201, 401, 404, 503].includes(upload.status), String(upload.bytes));
  assert.ok([200, 401, 404, 503].includes(rotation.status), String(rotation.bytes));
  assert.ok([401, 503].includes(refresh.status), String(refresh.bytes));
  assert.ok([200, 503].includes(login.status), String(login.bytes));
  const key = rotation.status === 200 ? rotation.json.api_key : ada.apiKey;
  assert.deepEqual(await titles(key), upload.status === 201 ? ['meanwhile', 'old'] : ['old']);
  if (login.status === 200) {
    assert.equal((await server.call('GET', '/me', { bearer: login.json.access_token })).status, 200);
  }
  assert.equal((await server.call('GET', '/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.call('GET', '/me', { key: before.json.api_key })).status, 401);
});

test('a restore into PostgreSQL compares what it has stored before that counts', async (t) => {
  const { server, ada, backup, titles } = await restoreScene(t);
  await server.call('POST', '/documents/', { key: ada.apiKey, json: { title: 'new', content: 'new' } });
  const { query } = server.services.database;
  await sql`CREATE FUNCTION corrupt() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.bytes := decode(''00'', ''hex'') || substr(NEW.bytes, 2); RETURN NEW; END'`.execute(query);
  await sql`CREATE TRIGGER corrupt BEFORE INSERT ON content_chunks FOR EACH ROW EXECUTE FUNCTION corrupt()`.execute(
    query,
  );
  const { code, stderr } = await runInksong(t, ['restore', backup, '--yes'], { environment: server.environment });
  assert.equal(code, 1);
  assert.match(stderr, /^The copy is not what was read: table content_chunks differs between [^\n]*\n$/);
  assert.deepEqual(await titles(ada.apiKey), ['new', 'old']);
});
