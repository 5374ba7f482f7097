import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { bootServer, type TestServer } from './boot.ts';
import { createText, eventually, fileForm, slowUpload, storageOf } from './documents-upload.ts';

const mebibyte = 1024 * 1024;

/** Lets every lease look as old as `minutes`; content that a document points at has none. */
async function ageLeases(server: TestServer, minutes: number): Promise<void> {
  const { query } = server.services.database;
  await query
    .updateTable('content_versions')
    .set((eb) => ({ released_at: eb('released_at', '-', minutes * 60_000) }))
    .where('released_at', 'is not', null)
    .execute();
}

const chunkCount = async (server: TestServer): Promise<number> =>
  (await server.services.database.query.selectFrom('content_chunks').select('seq').execute()).length;

test('an upload that is broken off leaves no document, and its bytes are erased', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  await createText(server, key, 'kept', 'kept');
  const upload = slowUpload(t, server, [
    'POST /api/v1/documents/ HTTP/1.1',
    `X-API-Key: ${key}`,
    'Content-Type: multipart/form-data; boundary=x',
    `Content-Length: ${5 * mebibyte}`,
  ]);
  upload.socket.write('--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n');
  upload.socket.write(Buffer.alloc(mebibyte));
  await eventually(async () => ((await storageOf(server, accountId)).storedBytes ?? 0) > mebibyte / 2);
  await server.services.documents.purge();
  assert.ok(
    ((await storageOf(server, accountId)).storedBytes ?? 0) > mebibyte / 2,
    'an upload in progress is not purged',
  );

  upload.socket.destroy();
  await eventually(async () =>
    (await storageOf(server, accountId)).versions.some((version) => version.released_at === 0),
  );
  await server.services.documents.purge();
  const after = await storageOf(server, accountId);
  assert.deepEqual([after.documentBytes, after.storedBytes, after.versions.length], [4, 4, 1]);
  assert.equal((await server.call('GET', '/documents/', { key })).json.items.length, 1);
});

test('bytes that a dead process left behind are erased when their lease has ended, not before', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  await createText(server, key, 'kept', 'kept');
  const { query, now } = server.services.database;
  await query
    .insertInto('content_versions')
    .values({ id: 'ver_dead', account_id: accountId, size: 3, released_at: now })
    .execute();
  await query
    .insertInto('content_chunks')
    .values({ version_id: 'ver_dead', seq: 0, bytes: Buffer.from('abc') })
    .execute();
  await query.updateTable('storage_usage').set({ stored_bytes: 7 }).where('account_id', '=', accountId).execute();
  await ageLeases(server, 4);
  await server.services.documents.purge();
  assert.equal((await storageOf(server, accountId)).storedBytes, 7);
  await ageLeases(server, 2);
  await server.services.documents.purge();
  const after = await storageOf(server, accountId);
  assert.deepEqual([after.documentBytes, after.storedBytes, after.versions.length], [4, 4, 1]);
  assert.equal(await chunkCount(server), 1);
});

test('bytes whose lease is renewed after a purge found it ended, and before it erases them, stay', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  const { database, documents } = server.services;
  const { id } = await createText(server, key, 'read', 'text');
  await server.call('DELETE', `/documents/${id}`, { key });
  await ageLeases(server, 6);
  const { lockingTransaction } = database;
  const mock = t.mock.method(database, 'lockingTransaction', async (work: Parameters<typeof lockingTransaction>[0]) => {
    // As a reader does who stood still for longer than a lease.
    await database.query.updateTable('content_versions').set({ released_at: database.now }).execute();
    return lockingTransaction(work);
  });
  await documents.purge();
  assert.equal(mock.mock.callCount(), 1, 'the purge had found it');
  assert.equal((await storageOf(server, accountId)).storedBytes, 4);
  assert.equal(await chunkCount(server), 1);
  mock.mock.restore();
  await ageLeases(server, 6);
  await documents.purge();
  assert.equal(await chunkCount(server), 0);
});

test('replaced and deleted bytes are erased in the end, over many slices too, and the account’s counts come out even', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  const form = fileForm(Buffer.alloc(20 * mebibyte));
  const { id } = (await server.call('POST', '/documents/', { key, body: form })).json;
  const gone = await createText(server, key, 'gone', 'gone');
  await server.call('PUT', `/documents/${id}/content`, { key, body: 'short' });
  await server.call('DELETE', `/documents/${gone.id}`, { key });
  assert.equal((await storageOf(server, accountId)).storedBytes, 20 * mebibyte + 9);
  await ageLeases(server, 6);
  await server.services.documents.purge();
  const after = await storageOf(server, accountId);
  assert.deepEqual([after.documentBytes, after.storedBytes, after.versions.length], [5, 5, 1]);
  assert.equal(await chunkCount(server), 1);
  assert.equal((await server.call('GET', `/documents/${id}/content`, { key })).bytes.toString(), 'short');
});

test('bytes of a deleted account are erased at the next purge', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const other = await server.register();
  await createText(server, account.apiKey, 'theirs');
  await createText(server, other.apiKey, 'others');
  await server.services.accounts.delete(account.id);
  await server.services.documents.purge();
  assert.equal((await storageOf(server, account.id)).versions.length, 0);
  assert.equal(await chunkCount(server), 1);
});

test('who has begun to read a document gets those bytes whole, though it is replaced and purged meanwhile', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  const bytes = Buffer.from(Uint8Array.from({ length: 20 * mebibyte }, (_, index) => (index * 31) % 253));
  const { id, sha256 } = (await server.call('POST', '/documents/', { key, body: fileForm(bytes) })).json;

  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    httpGet(`${server.url}/api/v1/documents/${id}/content`, { headers: { 'X-API-Key': key } }, resolve).on(
      'error',
      reject,
    );
  });
  const pieces = answer[Symbol.asyncIterator]();
  const hash = createHash('sha256');
  // Socket buffers hold less than the document, so the server stands in the middle of it while nobody reads on.
  hash.update((await pieces.next()).value);

  assert.equal((await server.call('PUT', `/documents/${id}/content`, { key, body: 'new' })).status, 200);
  for (let minute = 0; minute < 12; minute++) {
    await ageLeases(server, 1);
    t.mock.timers.tick(60_000);
    await server.call('GET', `/documents/${id}`, { key });
    await server.services.documents.purge();
  }
  assert.equal((await server.call('GET', `/documents/${id}/content`, { key })).bytes.toString(), 'new');
  for await (const piece of pieces) hash.update(piece);
  assert.equal(hash.digest('hex'), sha256);

  // The server may notice the end a moment after the client; from then on nobody renews the lease.
  await eventually(async () => {
    await ageLeases(server, 6);
    t.mock.timers.tick(60_000);
    await server.services.documents.purge();
    return (await storageOf(server, accountId)).versions.length === 1;
  });
});

test('an upload whose client pauses keeps its bytes, and holds up neither a rotation nor another upload', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const server = await bootServer(t);
  const account = await server.register();
  const { id } = await createText(server, account.apiKey, 'doc');
  const upload = slowUpload(t, server, [
    `PUT /api/v1/documents/${id}/content HTTP/1.1`,
    `X-API-Key: ${account.apiKey}`,
    `Content-Length: ${2 * mebibyte}`,
  ]);
  upload.socket.write(Buffer.alloc(mebibyte, 'a'));
  await eventually(async () => ((await storageOf(server, account.id)).storedBytes ?? 0) >= mebibyte / 2);

  const rotated = await server.call('POST', `/api-keys/${account.apiKeyId}/rotate`, { bearer: account.accessToken });
  assert.equal(rotated.status, 200);
  await createText(server, rotated.json.api_key, 'another upload');
  assert.equal(upload.received(), '', 'the slow upload is still under way');
  for (let minute = 0; minute < 12; minute++) {
    await ageLeases(server, 1);
    t.mock.timers.tick(60_000);
    await server.call('GET', `/documents/${id}`, { key: rotated.json.api_key });
    await server.services.documents.purge();
  }

  upload.socket.write(Buffer.alloc(mebibyte, 'b'));
  await eventually(() => upload.received().includes('\r\n\r\n'));
  assert.match(upload.received(), /^HTTP\/1\.1 200 /);
  const got = await server.call('GET', `/documents/${id}/content`, { key: rotated.json.api_key });
  assert.ok(got.bytes.equals(Buffer.concat([Buffer.alloc(mebibyte, 'a'), Buffer.alloc(mebibyte, 'b')])));
});

test('a long upload is not held in memory', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  const { id } = await createText(server, key, 'doc');
  const upload = slowUpload(t, server, [
    `PUT /api/v1/documents/${id}/content HTTP/1.1`,
    `X-API-Key: ${key}`,
    `Content-Length: ${24 * mebibyte}`,
  ]);
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let sent = 0; sent < 23; sent++) {
    if (!upload.socket.write(Buffer.alloc(mebibyte))) await once(upload.socket, 'drain');
  }
  await eventually(async () => ((await storageOf(server, accountId)).storedBytes ?? 0) >= 22 * mebibyte);
  // What nobody holds is given back by a thread of its own, a while after it was collected.
  let held = 0;
  await eventually(() => {
    collectGarbage();
    held = process.memoryUsage().arrayBuffers - before;
    return held < 4 * mebibyte;
  }).catch(() => assert.fail(`${held} bytes are held`));
  upload.socket.write(Buffer.alloc(mebibyte));
  await eventually(() => upload.received().startsWith('HTTP/1.1 200 '));
});
