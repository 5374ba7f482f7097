import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { sql } from '#kysely';
import { bootServer, type TestAccount, type TestServer } from './boot.ts';
import { createText, eventually, fileForm, slowUpload } from './documents-upload.ts';

const exported = (server: TestServer, account: TestAccount) =>
  server.call('GET', '/me/export', { bearer: account.accessToken });

/** Reads an archive as strictly as a reader can: lengths, checksums and names. */
async function unzip(archive: Buffer): Promise<Map<string, Buffer>> {
  const zip = await yauzl.fromBufferPromise(archive, { strictFileNames: true });
  const files = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    assert.equal(crc32(bytes), entry.crc32, entry.fileName);
    assert.ok(!files.has(entry.fileName), `${entry.fileName} twice`);
    files.set(entry.fileName, bytes);
  }
  return files;
}

async function upload(server: TestServer, account: TestAccount, bytes: Uint8Array<ArrayBuffer>, name: string) {
  const answer = await server.call('POST', '/documents/', { key: account.apiKey, body: fileForm(bytes, { name }) });
  assert.equal(answer.status, 201, String(answer.bytes));
  return answer.json as { id: string };
}

const jsonOf = (files: Map<string, Buffer>, name: string) => JSON.parse(String(files.get(name)));

test('the archive holds every document byte for byte, a large one and an empty one too, and an index from which they can be restored', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const stranger = await server.register();
  await createText(server, stranger.apiKey, 'Not yours');
  const large = new Uint8Array(randomBytes(25 * 1024 * 1024));
  const contents = new Map<string, Buffer>();
  contents.set((await upload(server, account, large, 'large.bin')).id, Buffer.from(large));
  contents.set((await upload(server, account, new Uint8Array(), 'empty.txt')).id, Buffer.alloc(0));
  for (let count = 0; count < 120; count++) {
    const text = `Document ${count}`;
    contents.set((await createText(server, account.apiKey, text)).id, Buffer.from(text));
  }

  const answer = await exported(server, account);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/zip');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename="inksong-export\.zip"$/);
  const files = await unzip(answer.bytes);
  const index: { id: string; path: string; sha256: string; title: string }[] = jsonOf(files, 'documents.json');
  assert.deepEqual(index.map(({ id }) => id).sort(), [...contents.keys()].sort());
  for (const { id, path } of index) {
    assert.ok(path.startsWith(`documents/${id}-`));
    assert.ok(files.get(path)?.equals(contents.get(id) ?? Buffer.from('none')), path);
  }
  assert.equal(files.size, index.length + 3, 'and nothing else');
  const listed = (await server.call('GET', '/documents/?limit=100', { key: account.apiKey })).json.items;
  assert.deepEqual(
    index.slice(0, 100).map(({ path, ...document }) => document),
    listed,
  );
});

test('account.json and events.json tell what the API tells, and hold no secret', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.login(account);
  await server.call('GET', '/me', { key: account.apiKey });
  await server.services.usage.flush();
  await server.services.apiKeys.flushSeenAddresses();
  const answer = await exported(server, account);
  const files = await unzip(answer.bytes);
  const told = jsonOf(files, 'account.json');
  assert.equal(told.account.id, account.id);
  assert.equal(told.account.email, account.email);
  const keys = (await server.call('GET', '/api-keys/', { bearer: account.accessToken })).json.items;
  assert.deepEqual(told.api_keys, keys);
  assert.deepEqual(
    told.api_key_addresses.map(({ api_key_id, address }: { api_key_id: string; address: string }) => [
      api_key_id,
      address,
    ]),
    [[account.apiKeyId, '127.0.0.1']],
  );
  assert.ok(Date.parse(told.api_key_addresses[0].last_used_at) <= Date.now());
  assert.deepEqual(
    told.sessions.map(({ id }: { id: string }) => id).sort(),
    (await server.call('GET', '/auth/sessions/', { bearer: account.accessToken })).json.items
      .map(({ id }: { id: string }) => id)
      .sort(),
  );
  assert.equal(told.usage.length, 1, 'days without a request are left out');
  assert.ok(told.usage[0].api_key.success >= 1);
  const events = (await server.call('GET', '/events/', { bearer: account.accessToken })).json.items;
  assert.equal(events[0].kind, 'data_exported');
  assert.deepEqual(jsonOf(files, 'events.json'), events);

  const { password_hash } = await server.services.database.query
    .selectFrom('accounts')
    .select('password_hash')
    .executeTakeFirstOrThrow();
  for (const secret of [account.apiKey, account.password, account.accessToken, account.refreshToken, password_hash]) {
    assert.ok(!answer.bytes.includes(secret), secret.slice(0, 8));
  }
});

test('an audit log longer than a page is exported whole', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const { database, events } = server.services;
  const device = { address: '192.0.2.1', userAgent: 'test', sessionId: null, apiKeyId: null, details: {} };
  await database.transaction(async (trx) => {
    for (let count = 0; count < 250; count++) {
      await events.record(trx, { accountId: account.id, kind: 'signed_in', ...device });
    }
  });
  const told = jsonOf(await unzip((await exported(server, account)).bytes), 'events.json');
  assert.equal(new Set(told.map(({ id }: { id: string }) => id)).size, 252, 'with the registration and the export');
});

test('hostile file names stay inside documents/ and cannot collide', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const hostile = [
    '../../etc/passwd',
    '..\\..\\x',
    'C:\\x',
    '/abs',
    'a:stream',
    'con',
    '\u202Etxt.exe',
    'x'.repeat(255),
  ];
  const { query } = server.services.database;
  for (const filename of [...hostile, ...hostile]) {
    const { id } = await createText(server, account.apiKey, 'x');
    // As no upload can name it, but as it may be restored, or have been stored by a version with other rules.
    await query.updateTable('documents').set({ filename }).where('id', '=', id).execute();
  }
  const files = await unzip((await exported(server, account)).bytes);
  const names = [...files.keys()].filter((name) => !name.endsWith('.json'));
  assert.equal(names.length, 16);
  for (const name of names) assert.match(name, /^documents\/doc_[0-9a-f]{32}-[^/\\:\u202E]{1,180}$/);
  assert.deepEqual(
    jsonOf(files, 'documents.json')
      .map(({ filename }: { filename: string }) => filename)
      .sort(),
    [...hostile, ...hostile].sort(),
    'the index keeps the true names',
  );
});

test('it wants a password proved in the last 15 minutes, a key cannot do it, HEAD does not exist, and only an export is an event', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const events = () =>
    server.services.database.query.selectFrom('events').select('id').where('kind', '=', 'data_exported').execute();
  assert.equal((await server.call('GET', '/me/export', { key: account.apiKey })).json.code, 'session_required');
  assert.equal((await server.call('HEAD', '/me/export', { bearer: account.accessToken })).status, 405);
  await server.services.database.query
    .updateTable('sessions')
    .set({ authenticated_at: sql<number>`authenticated_at - 901000` })
    .execute();
  assert.equal((await exported(server, account)).json.code, 'reauthentication_required');
  assert.deepEqual(await events(), []);
  const fresh = await server.login(account);
  assert.equal((await exported(server, { ...account, ...fresh })).status, 200);
  assert.equal((await events()).length, 1);
});

test('a document deleted or replaced while the archive is made is left out or whole', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  const gone = await createText(server, account.apiKey, 'Gone');
  const replaced = await createText(server, account.apiKey, 'Replaced');
  const { documents } = server.services;
  const open = documents.open.bind(documents);
  t.mock.method(documents, 'open', async (accountId: string, id: string) => {
    if (id === gone.id) await server.call('DELETE', `/documents/${id}`, { key: account.apiKey });
    const opened = await open(accountId, id);
    if (id === replaced.id) {
      const body = 'Something else, and longer';
      await server.call('PUT', `/documents/${id}/content`, { key: account.apiKey, body });
    }
    return opened;
  });
  const files = await unzip((await exported(server, account)).bytes);
  const [only, ...more] = jsonOf(files, 'documents.json');
  assert.deepEqual(more, []);
  assert.equal(String(files.get(only.path)), 'Replaced');
  assert.equal(only.size, 'Replaced'.length);
});

/** Watches what an export reads: every stream of document bytes that it opens, and how many bytes it took from them. */
function watchReads(t: TestContext, server: TestServer) {
  const { documents } = server.services;
  const open = documents.open.bind(documents);
  const streams: Readable[] = [];
  const watched = { streams, bytes: 0 };
  t.mock.method(documents, 'open', async (accountId: string, id: string) => {
    const { document, read } = await open(accountId, id);
    return {
      document,
      read: async (range: { first: number; last: number }) => {
        const stream = await read(range);
        streams.push(stream);
        const push = stream.push.bind(stream);
        stream.push = (piece, encoding) => {
          watched.bytes += piece?.length ?? 0;
          return push(piece, encoding);
        };
        return stream;
      },
    };
  });
  return watched;
}

const largeBytes = 20 * 1024 * 1024;

async function slowExport(t: TestContext) {
  const server = await bootServer(t);
  const account = await server.register();
  for (const name of ['a', 'b', 'c']) await upload(server, account, new Uint8Array(largeBytes), name);
  const reads = watchReads(t, server);
  const { socket, received } = slowUpload(t, server, [
    'GET /api/v1/me/export HTTP/1.1',
    `Authorization: Bearer ${account.accessToken}`,
  ]);
  socket.once('data', () => socket.pause());
  await eventually(() => received().startsWith('HTTP/1.1 200') && reads.bytes > 0);
  return { server, account, reads, socket };
}

test('a client that leaves midway stops the export: its document is closed and no other is opened', async (t) => {
  const { server, account, reads, socket } = await slowExport(t);
  socket.destroy();
  await eventually(() => reads.streams.every((stream) => stream.destroyed));
  assert.ok(reads.streams.length < 3, 'the archive was not made for nobody');
  assert.ok(reads.bytes < 3 * largeBytes);
  const opened = reads.streams.length;
  assert.equal((await exported(server, account)).status, 200, 'the server goes on');
  assert.equal(reads.streams.length, opened + 3);
});

test('the archive is made no faster than it is read, so that its size takes no memory', async (t) => {
  const { reads, socket } = await slowExport(t);
  let last = -1;
  let still = 0;
  await eventually(() => {
    still = reads.bytes === last ? still + 1 : 0;
    last = reads.bytes;
    return still > 20;
  });
  // What the kernel holds for both ends is a few MiB.
  assert.ok(reads.bytes < 2 * largeBytes, `${reads.bytes} bytes were read for a client that reads none`);
  socket.destroy();
});

test('an export whose documents cannot be read breaks off visibly', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await upload(server, account, new Uint8Array(600_000), 'a');
  await server.services.database.query.deleteFrom('content_chunks').where('seq', '=', 1).execute();
  await assert.rejects(exported(server, account), 'the answer has no end');
  assert.equal((await server.call('GET', '/me', { key: account.apiKey })).status, 200);
});

test('an export that cannot be recorded gives nothing out', async (t) => {
  const server = await bootServer(t);
  const account = await server.register();
  await server.services.database.query.schema.alterTable('events').renameTo('elsewhere').execute();
  assert.equal((await exported(server, account)).status, 500);
});
