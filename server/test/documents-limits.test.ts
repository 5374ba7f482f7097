import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentCount } from '../src/database/migrations/0006-document-count.ts';
import { bootServer } from './boot.ts';
import { createText, eventually, fileForm, sendChunked, slowUpload, storageOf } from './documents-upload.ts';

const limit = 700_000;

test('a document of the largest size is taken, one byte more is refused, by every way and told up front or not', async (t) => {
  const server = await bootServer(t, { INKSONG_MAX_DOCUMENT_BYTES: String(limit) });
  const { apiKey: key, id: accountId } = await server.register();
  const { id } = await createText(server, key, 'kept', 'kept');
  const ways: ((size: number) => Promise<{ status: number; json: { code?: string; detail?: string } }>)[] = [
    (size) => server.call('PUT', `/documents/${id}/content`, { key, body: Buffer.alloc(size) }),
    (size) => sendChunked(server, 'PUT', `/documents/${id}/content`, { 'X-API-Key': key }, [Buffer.alloc(size)]),
    (size) => server.call('POST', '/documents/', { key, body: fileForm(Buffer.alloc(size)) }),
    async (size) => {
      const form = new Response(fileForm(Buffer.alloc(size)));
      const headers = { 'X-API-Key': key, 'Content-Type': form.headers.get('content-type') ?? '' };
      return sendChunked(server, 'POST', '/documents/', headers, [Buffer.from(await form.arrayBuffer())]);
    },
  ];
  for (const [index, way] of ways.entries()) {
    assert.ok([200, 201].includes((await way(limit)).status), `way ${index}`);
    const refused = await way(limit + 1);
    assert.deepEqual([refused.status, refused.json.code], [413, 'content_too_large'], `way ${index}`);
    // Far beyond the limit it is the body as a whole that is refused: the document's limit is what the caller can heed.
    for (const { json } of [refused, await way(limit + 100_000)]) {
      assert.equal(json.detail, `A document may have ${limit} bytes.`, `way ${index}`);
    }
  }
  const preamble = Buffer.alloc(limit + 100_000, 'x');
  const type = 'multipart/form-data; boundary=x';
  const padded = await sendChunked(server, 'POST', '/documents/', { 'X-API-Key': key, 'Content-Type': type }, [
    preamble,
  ]);
  assert.deepEqual([padded.status, padded.json.detail], [413, `A document may have ${limit} bytes.`]);
  const huge = await server.call('POST', '/documents/', {
    key,
    json: { title: 'T', content: 'x'.repeat(1024 * 1024) },
  });
  assert.equal(huge.status, 413);
  assert.match(huge.json.detail, /multipart/);
  await server.services.documents.purge();
  const items = (await server.call('GET', '/documents/', { key })).json.items;
  assert.deepEqual(
    items.map((item: { size: number }) => item.size),
    [limit, limit, limit],
  );
  assert.equal((await storageOf(server, accountId)).documentBytes, 3 * limit);
});

test('a body announced as too long is refused before it is sent', async (t) => {
  const server = await bootServer(t, { INKSONG_MAX_DOCUMENT_BYTES: String(limit) });
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, 'doc');
  for (const head of [
    [`PUT /api/v1/documents/${id}/content HTTP/1.1`, 'Content-Type: text/plain', `Content-Length: ${limit + 1}`],
    [
      'POST /api/v1/documents/ HTTP/1.1',
      'Content-Type: multipart/form-data; boundary=x',
      `Content-Length: ${limit * 2}`,
    ],
    ['POST /api/v1/documents/ HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${2 ** 20 + 1}`],
  ]) {
    const upload = slowUpload(t, server, [...head, `X-API-Key: ${key}`]);
    await eventually(() => /^HTTP\/1\.1 413 .*content_too_large/s.test(upload.received()));
    assert.match(upload.received(), /connection: close/i);
    upload.socket.destroy();
  }
});

test('a refusal reaches a client that is still sending, and the connection then ends', async (t) => {
  const server = await bootServer(t, { INKSONG_MAX_DOCUMENT_BYTES: String(limit) });
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, 'doc');
  const upload = slowUpload(t, server, [
    `PUT /api/v1/documents/${id}/content HTTP/1.1`,
    'Transfer-Encoding: chunked',
    `X-API-Key: ${key}`,
  ]);
  const piece = Buffer.alloc(65_536);
  const chunk = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  // Far more than the limit and than any socket buffer: an unread connection would be reset under the client's feet.
  for (let sent = 0; sent < 400; sent++) {
    if (!upload.socket.write(chunk)) await new Promise((resolve) => upload.socket.once('drain', resolve));
  }
  upload.socket.write('0\r\n\r\n');
  await eventually(() => upload.socket.closed);
  assert.match(upload.received(), /^HTTP\/1\.1 413 .*"code":"content_too_large"/s);
});

test('a full account is refused with 507, can still shrink and delete, and leaves other accounts alone', async (t) => {
  const server = await bootServer(t, { INKSONG_ACCOUNT_QUOTA_BYTES: '1000' });
  const account = await server.register();
  const other = await server.register();
  const key = account.apiKey;
  const { id } = await createText(server, key, 'first', 'x'.repeat(600));
  const refused = await server.call('POST', '/documents/', {
    key,
    json: { title: 'second', content: 'x'.repeat(401) },
  });
  assert.deepEqual([refused.status, refused.json.code], [507, 'quota_exceeded']);
  const grown = await server.call('PUT', `/documents/${id}/content`, { key, body: 'x'.repeat(1001) });
  assert.equal(grown.status, 507);
  assert.equal(
    (await server.call('GET', `/documents/${id}/content`, { key })).bytes.length,
    600,
    'a refused change changes nothing',
  );
  await createText(server, other.apiKey, 'unaffected', 'x'.repeat(1000));
  await server.services.documents.purge();
  await createText(server, key, 'just fits', 'x'.repeat(400));
  assert.equal((await server.call('PUT', `/documents/${id}/content`, { key, body: 'x' })).status, 200);
  assert.equal((await server.call('DELETE', `/documents/${id}`, { key })).status, 204);
  assert.equal((await storageOf(server, account.id)).documentBytes, 400);
  assert.equal((await server.call('GET', '/documents/', { key })).json.items.length, 1);
});

test('an account’s disk use stays below twice its quota, whatever it uploads, replaces and breaks off', async (t) => {
  const server = await bootServer(t, { INKSONG_ACCOUNT_QUOTA_BYTES: '1000' });
  const { apiKey: key, id: accountId } = await server.register();
  const { id } = await createText(server, key, 'doc', 'x'.repeat(900));
  assert.equal((await server.call('PUT', `/documents/${id}/content`, { key, body: 'y'.repeat(900) })).status, 200);
  const full = await server.call('PUT', `/documents/${id}/content`, { key, body: 'z'.repeat(900) });
  assert.deepEqual([full.status, full.json.code], [507, 'quota_exceeded'], 'the replaced bytes are still on the disk');
  const { storedBytes, versions } = await storageOf(server, accountId);
  assert.equal(storedBytes, 1800);
  assert.equal(
    versions.reduce((sum, { size }) => sum + size, 0),
    1800,
    'what is counted is what is there',
  );
});

test('uploads racing for the same room never fill an account beyond its quota', async (t) => {
  const server = await bootServer(t, { INKSONG_ACCOUNT_QUOTA_BYTES: '1000' });
  const { apiKey: key, id: accountId } = await server.register();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      server.call('POST', '/documents/', { key, json: { title: `${index}`, content: 'x'.repeat(300) } }),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 201).length, 3);
  assert.ok(answers.every(({ status }) => status === 201 || status === 507));
  assert.equal((await storageOf(server, accountId)).documentBytes, 900);
});

test('an account holds no more documents than are allowed, though they have no byte and race each other', async (t) => {
  const server = await bootServer(t, { INKSONG_MAX_DOCUMENTS_PER_ACCOUNT: '5' });
  const { apiKey: key } = await server.register();
  const other = await server.register();
  const create = (owner = key) => server.call('POST', '/documents/', { key: owner, json: { title: 'T', content: '' } });
  const answers = await Promise.all(Array.from({ length: 12 }, () => create()));
  assert.equal(answers.filter(({ status }) => status === 201).length, 5);
  const refused = answers.filter(({ status }) => status !== 201);
  assert.ok(refused.every(({ status, json }) => status === 507 && json.code === 'quota_exceeded'));
  assert.match(refused[0]?.json.detail, /^An account may hold 5 documents /);
  const { items } = (await server.call('GET', '/documents/', { key })).json;
  assert.equal(items.length, 5);

  // What is there can be worked with, and makes room when it goes.
  assert.equal((await server.call('PUT', `/documents/${items[0].id}/content`, { key, body: 'x' })).status, 200);
  assert.equal((await create()).status, 507);
  assert.equal((await server.call('DELETE', `/documents/${items[0].id}`, { key })).status, 204);
  assert.equal((await server.call('DELETE', `/documents/${items[0].id}`, { key })).status, 404);
  assert.deepEqual([(await create()).status, (await create()).status], [201, 507]);
  assert.equal((await create(other.apiKey)).status, 201);
});

test('documents from before they were counted count', async (t) => {
  const server = await bootServer(t, { INKSONG_MAX_DOCUMENTS_PER_ACCOUNT: '2' });
  const { apiKey: key } = await server.register();
  for (const title of ['one', 'two']) await createText(server, key, title);
  await server.services.database.query.schema.alterTable('storage_usage').dropColumn('document_count').execute();
  await documentCount.up(server.services.database.query);
  const json = { title: 'three', content: '' };
  assert.equal((await server.call('POST', '/documents/', { key, json })).status, 507);
});

test('a connection on which a body was refused goes on or ends, and never hangs', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, 'doc');
  const refusedPart = '--x\r\nContent-Disposition: form-data; name="unknown"\r\n\r\n';
  for (const size of [100, 65_000, 65_536, 70_000, 131_072, 200_000, 3_000_000]) {
    const upload = slowUpload(t, server, [
      'POST /api/v1/documents/ HTTP/1.1',
      `X-API-Key: ${key}`,
      'Content-Type: multipart/form-data; boundary=x',
      `Content-Length: ${size}`,
    ]);
    upload.socket.write(refusedPart.padEnd(size));
    await eventually(() => upload.received().includes('validation_failed'));
    if (!/^connection: close/im.test(upload.received())) {
      upload.socket.write(`GET /api/v1/documents/${id} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\n\r\n`);
    }
    await eventually(() => upload.socket.closed || upload.received().includes(`"id":"${id}"`));
    upload.socket.destroy();
  }
});
