import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { bootServer } from './boot.ts';
import { createText, eventually, fileForm, slowUpload, storageOf } from './documents-upload.ts';

test('conditions and ranges are answered as RFC 9110 says', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  // Longer than two stored chunks, so that ranges begin, end and cross within them.
  const bytes = Buffer.from(Array.from({ length: 600_000 }, (_, index) => (index * 7) % 251));
  const { id, sha256 } = (await server.call('POST', '/documents/', { key, body: fileForm(bytes) })).json;
  const etag = `"${sha256}"`;
  const size = bytes.length;

  const table: [headers: Record<string, string>, status: number, contentRange: string | null, body: Buffer | null][] = [
    [{}, 200, null, bytes],
    [{ 'if-none-match': etag }, 304, null, Buffer.alloc(0)],
    [{ 'if-none-match': `W/${etag}` }, 304, null, Buffer.alloc(0)],
    [{ 'if-none-match': `"x", ${etag}` }, 304, null, Buffer.alloc(0)],
    [{ 'if-none-match': '*' }, 304, null, Buffer.alloc(0)],
    [{ 'if-none-match': '"x"' }, 200, null, bytes],
    [{ 'if-none-match': sha256 }, 200, null, bytes],
    [{ 'if-none-match': etag, range: 'bytes=0-1' }, 304, null, Buffer.alloc(0)],
    [{ range: 'bytes=0-0' }, 206, `bytes 0-0/${size}`, bytes.subarray(0, 1)],
    [{ range: 'bytes=262143-262144' }, 206, `bytes 262143-262144/${size}`, bytes.subarray(262_143, 262_145)],
    [{ range: 'bytes=262144-524287' }, 206, `bytes 262144-524287/${size}`, bytes.subarray(262_144, 524_288)],
    [{ range: 'bytes=1000-599000' }, 206, `bytes 1000-599000/${size}`, bytes.subarray(1_000, 599_001)],
    [{ range: 'bytes=599990-' }, 206, `bytes 599990-599999/${size}`, bytes.subarray(599_990)],
    [{ range: 'bytes=-5' }, 206, `bytes 599995-599999/${size}`, bytes.subarray(-5)],
    [{ range: 'bytes=-999999' }, 206, `bytes 0-599999/${size}`, bytes],
    [{ range: 'bytes=10-9999999' }, 206, `bytes 10-599999/${size}`, bytes.subarray(10)],
    [{ range: `bytes=${size}-` }, 416, `bytes */${size}`, null],
    [{ range: 'bytes=-0' }, 416, `bytes */${size}`, null],
    [{ range: 'bytes=0-1,3-4' }, 200, null, bytes],
    [{ range: 'bytes=5-1' }, 200, null, bytes],
    [{ range: 'lines=0-1' }, 200, null, bytes],
    [{ range: 'bytes=0-1', 'if-range': etag }, 206, `bytes 0-1/${size}`, bytes.subarray(0, 2)],
    [{ range: 'bytes=0-1', 'if-range': '"x"' }, 200, null, bytes],
    [{ range: 'bytes=0-1', 'if-range': `W/${etag}` }, 200, null, bytes],
    [{ range: 'bytes=0-1', 'if-range': 'Wed, 21 Oct 2026 07:28:00 GMT' }, 200, null, bytes],
    [{ range: `bytes=${size}-`, 'if-range': '"x"' }, 200, null, bytes],
  ];
  for (const [headers, status, contentRange, body] of table) {
    const where = JSON.stringify(headers);
    const answer = await server.call('GET', `/documents/${id}/content`, { key, headers });
    assert.equal(answer.status, status, where);
    assert.equal(answer.headers.get('content-range'), contentRange, where);
    if (body) {
      assert.ok(answer.bytes.equals(body), where);
      assert.equal(answer.headers.get('etag'), etag, where);
      assert.equal(answer.headers.get('accept-ranges'), 'bytes', where);
    }
  }
});

test('HEAD answers as GET does but without the bytes, and knows no ranges', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id, sha256 } = await createText(server, key, 'doc', 'twelve bytes');
  const path = `/documents/${id}/content`;
  const names = [
    'content-length',
    'content-type',
    'etag',
    'content-disposition',
    'accept-ranges',
    'content-security-policy',
  ];
  const get = await server.call('GET', path, { key });
  const head = await server.call('HEAD', path, { key, headers: { range: 'bytes=0-1' } });
  assert.equal(head.status, 200);
  assert.equal(head.bytes.length, 0);
  for (const name of names) assert.equal(head.headers.get(name), get.headers.get(name), name);
  assert.equal(head.headers.get('content-length'), '12');
  assert.equal((await server.call('HEAD', path, { key, headers: { 'if-none-match': `"${sha256}"` } })).status, 304);
  assert.equal((await server.call('HEAD', path)).status, 401);
});

test('an empty document has no satisfiable range', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id } = await createText(server, key, 'empty', '');
  const path = `/documents/${id}/content`;
  assert.deepEqual(
    [
      (await server.call('GET', path, { key })).status,
      (await server.call('HEAD', path, { key })).headers.get('content-length'),
    ],
    [200, '0'],
  );
  const range = await server.call('GET', path, { key, headers: { range: 'bytes=0-' } });
  assert.deepEqual([range.status, range.headers.get('content-range')], [416, 'bytes */0']);
});

test('If-Match lets a change through only while the bytes are the expected ones', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key } = await server.register();
  const { id, sha256 } = await createText(server, key, 'doc', 'one');
  const put = (ifMatch: string, body = 'two') =>
    server.call('PUT', `/documents/${id}/content`, { key, body, headers: { 'if-match': ifMatch } });
  for (const stale of ['"x"', `W/"${sha256}"`, sha256, '']) {
    const answer = await put(stale);
    assert.deepEqual([answer.status, answer.json.code], [412, 'precondition_failed'], stale);
  }
  assert.equal(
    (await server.call('PATCH', `/documents/${id}`, { key, json: { title: 'no' }, headers: { 'if-match': '"x"' } }))
      .status,
    412,
  );
  assert.equal((await server.call('GET', `/documents/${id}`, { key })).json.title, 'doc');
  assert.equal((await server.call('GET', `/documents/${id}/content`, { key })).bytes.toString(), 'one');
  assert.equal((await put(`"x", "${sha256}"`)).status, 200);
  assert.equal((await put(`"${sha256}"`)).status, 412, 'the expected bytes are no longer there');
  assert.equal((await put('*', 'three')).status, 200);
});

test('of twenty changes under way at once to the same bytes, exactly one goes through', async (t) => {
  const server = await bootServer(t);
  const { apiKey: key, id: accountId } = await server.register();
  const { id, sha256 } = await createText(server, key, 'doc', 'original');
  const bodies = Array.from({ length: 20 }, (_, index) => `change ${index + 10}`);
  const uploads = bodies.map((body) => {
    const upload = slowUpload(t, server, [
      `PUT /api/v1/documents/${id}/content HTTP/1.1`,
      `X-API-Key: ${key}`,
      `If-Match: "${sha256}"`,
      `Content-Length: ${body.length}`,
    ]);
    return { ...upload, body };
  });
  // All have seen the original and begun to write before the first of them ends.
  await eventually(async () => (await storageOf(server, accountId)).versions.length === 21);
  for (const { socket, body } of uploads) socket.write(body);
  await eventually(() => uploads.every(({ received }) => received().includes('\r\n\r\n')));

  const statuses = uploads.map(({ received }) => received().slice(9, 12));
  assert.deepEqual(statuses.toSorted(), ['200', ...Array<string>(19).fill('412')]);
  const winner = bodies[statuses.indexOf('200')] ?? '';
  const now = await server.call('GET', `/documents/${id}/content`, { key });
  assert.equal(now.bytes.toString(), winner);
  assert.equal(now.headers.get('etag'), `"${hash('sha256', winner, 'hex')}"`);
});
