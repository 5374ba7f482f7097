import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#kysely';
import { bootServer, type TestServer } from './boot.ts';
import { createText, eventually, fileForm, slowUpload, storageOf } from './documents-upload.ts';

const remove = (server: TestServer, bearer: string) => server.call('DELETE', '/me', { bearer });

test('deleting the account refuses its key, sessions and cookies on the next request, and sets no cookie', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.login(account);
  const answer = await remove(server, account.accessToken);
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get('set-cookie'), null);
  for (const credential of [{ key: account.apiKey }, { bearer: account.accessToken }, { bearer: other.accessToken }]) {
    assert.equal((await server.call('GET', '/me', credential)).status, 401);
  }
  for (const { refreshToken } of [account, other]) {
    assert.equal((await server.call('POST', '/auth/refresh', { refreshToken })).status, 401);
  }
  const { email, password } = account;
  assert.equal((await server.call('POST', '/auth/login', { json: { email, password } })).status, 401);
});

test('it wants a password proved in the last 15 minutes, and a key cannot do it', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.database.query
    .updateTable('sessions')
    .set({ authenticated_at: sql<number>`authenticated_at - 901000` })
    .execute();
  assert.equal((await remove(server, account.accessToken)).json.code, 'reauthentication_required');
  assert.equal((await server.call('DELETE', '/me', { key: account.apiKey })).json.code, 'session_required');
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('who signs up again with the address is somebody new, without the old documents, and the old credentials stay dead', async (t) => {
  const server = await bootServer(t);
  const former = await server.register();
  const document = await createText(server, former.apiKey, 'Mine alone');
  await remove(server, former.accessToken);
  const again = await server.register(former.email);
  assert.notEqual(again.id, former.id);
  assert.notEqual(again.apiKey, former.apiKey);
  assert.deepEqual((await server.call('GET', '/documents/', { key: again.apiKey })).json.items, []);
  assert.equal((await server.call('GET', `/documents/${document.id}/content`, { key: again.apiKey })).status, 404);
  assert.equal((await server.call('GET', '/me', { key: former.apiKey })).status, 401);
  assert.equal((await server.call('GET', '/me', { bearer: former.accessToken })).status, 401);
  assert.equal((await server.call('POST', '/auth/refresh', { refreshToken: former.refreshToken })).status, 401);
});

test('nothing of the account stays in any table, and others keep what is theirs', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const neighbour = await server.register();
  const kept = await createText(server, neighbour.apiKey, 'Kept');
  await createText(server, account.apiKey, 'Gone');
  await server.call('PATCH', `/documents/${(await createText(server, account.apiKey, 'x')).id}`, {
    key: account.apiKey,
    json: { title: 'Renamed' },
  });
  await server.call('POST', '/documents/', {
    key: account.apiKey,
    body: fileForm(new Uint8Array(300_000)),
    headers: { 'Idempotency-Key': 'once' },
  });
  await remove(server, account.accessToken);
  await server.services.documents.purge();
  await server.services.sessions.flushLastUses();
  await server.services.apiKeys.flushLastUses();
  await server.services.events.flush();

  const { query } = server.services.database;
  const tables = await query.introspection.getTables();
  const left: string[] = [];
  for (const { name, columns } of tables) {
    for (const column of columns) {
      const found = await sql<{
        n: number;
      }>`SELECT count(*) AS n FROM ${sql.table(name)} WHERE CAST(${sql.ref(column.name)} AS text) IN (${account.id}, ${account.email}, ${account.sessionId}, ${account.apiKeyId})`.execute(
        query,
      );
      if (found.rows[0]?.n) left.push(`${name}.${column.name}`);
    }
  }
  assert.deepEqual(left, []);
  const chunks = await query.selectFrom('content_chunks').select('version_id').execute();
  assert.equal(chunks.length, 1, 'the neighbour’s one');
  assert.equal(
    (await server.call('GET', `/documents/${kept.id}/content`, { key: neighbour.apiKey })).bytes.toString(),
    'Kept',
  );
});

test('an upload that was under way when its account was deleted is refused and leaves no bytes', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const upload = slowUpload(t, server, [
    'POST /api/v1/documents/ HTTP/1.1',
    `X-API-Key: ${account.apiKey}`,
    'Content-Type: multipart/form-data; boundary=b',
    'Transfer-Encoding: chunked',
  ]);
  const send = (text: string) => upload.socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  send('--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n');
  for (let sent = 0; sent < 10; sent++) send('a'.repeat(64 * 1024));
  await eventually(async () => ((await storageOf(server, account.id)).storedBytes ?? 0) > 0);
  await remove(server, account.accessToken);
  send('\r\n--b--\r\n');
  upload.socket.write('0\r\n\r\n');
  await eventually(() => upload.received().startsWith('HTTP/1.1 401'));
  await server.services.documents.purge();
  const { query } = server.services.database;
  assert.deepEqual(await query.selectFrom('documents').select('id').execute(), []);
  assert.deepEqual(await query.selectFrom('content_chunks').select('seq').execute(), []);
});
